"""Cut the power at many moments of a real bot's life, and look for what it had acknowledged."""

import sys
import tempfile
from pathlib import Path

from bench.power.recording import BOT, HASTY_BOT, Talk, record
from bench.power.replay import Findings, replay
from bench.report import Figure, arguments, report

#: Enough commits in the full size for the write-ahead log to begin anew.
QUICK = Talk(parts=2, rounds=1, questions=10)
FULL = Talk(parts=2, rounds=3, questions=40)
QUICK_IMAGES, FULL_IMAGES = 300, 2_500
HASTY_IMAGES = 200


def main() -> None:
    told = arguments()
    talk, images = (FULL, FULL_IMAGES) if told.full else (QUICK, QUICK_IMAGES)
    found = _measured(BOT, talk, images, told.seed)
    hasty = _measured(HASTY_BOT, QUICK, HASTY_IMAGES, told.seed)
    figures = {
        "images": Figure(found.images, ">= 2000"),
        "acknowledged_lost": Figure(found.lost, "== 0"),
        "corrupt": Figure(found.corrupt, "== 0"),
        # The proof that a loss would be seen.
        "acknowledged_lost_with_normal": Figure(hasty.lost, "> 0"),
    }
    report("power_loss", figures)


def _measured(bot: tuple[str, ...], talk: Talk, images: int, seed: int) -> Findings:
    with tempfile.TemporaryDirectory(prefix="zulip-ops-power-") as name:
        folder = Path(name) / "stage"
        folder.mkdir(mode=0o755)
        Path(name).chmod(0o755)
        findings = replay(folder, record(folder, talk, bot), images, seed)
    for sentence in findings.sentences:
        print(f"{bot[-1]}: {sentence}", file=sys.stderr)
    return findings


if __name__ == "__main__":
    main()
