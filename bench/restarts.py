"""Whether a long run ends as if undisturbed when the bot is killed again and again meanwhile."""

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.killing.killer import killer
from bench.killing.restarts import ending
from bench.report import Figure, arguments, report


def main() -> None:
    # Nothing here is drawn by lot.
    given = arguments()
    kills = 20 if given.full else 3
    lasting = timedelta(minutes=10) if given.full else timedelta(seconds=30)
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with killer(folder) as one:
            undisturbed = ending(one, 0, timedelta(0))
            started = time.monotonic()
            disturbed = ending(one, kills, lasting)
            seconds = time.monotonic() - started
    if disturbed != undisturbed:
        sys.stderr.write(f"undisturbed: {undisturbed}\ndisturbed:   {disturbed}\n")
    report(
        "restarts",
        {
            "same_outcome": Figure(int(disturbed == undisturbed), "== 1"),
            "final_messages": Figure(disturbed.final_messages, "== 1"),
            "effects": Figure(disturbed.effects, "== 1"),
            "kills": Figure(kills, "told"),
            "run_seconds": Figure(round(seconds), "told"),
        },
    )


if __name__ == "__main__":
    main()
