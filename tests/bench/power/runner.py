"""Writes the result of a run as `python runner.py STATE MODE`: durably, or in a hurry."""

import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from handlers.errors import Reason  # noqa: E402 (after the path is set)
from handlers.host import directories  # noqa: E402 (after the path is set)
from jobs.journal import PLAN, ResultStatus, RunResult  # noqa: E402 (after the path is set)
from jobs.runs.run_folder import RunFolder  # noqa: E402 (after the path is set)
from tests.fakes.runs import spec  # noqa: E402 (after the path is set)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def main(state: Path, mode: str) -> None:
    directories.make(state / "runs", 0o750)
    folder = RunFolder(state / "runs" / "1-1")
    folder.make(spec(state))
    folder.claim(detached=False)
    result = RunResult(
        job=1,
        attempt=1,
        mode=PLAN,
        status=ResultStatus.PLANNED,
        reason=Reason.DONE,
        sentence="It is planned." * 200,
        state="Nothing was changed.",
        started_at=NOW,
        ended_at=NOW,
        boot_id="boot",
    )
    if mode == "durably":
        folder.write_result(result)
        return
    new = folder.path / "result.json.new"
    new.write_text(str(result.to_json()))
    new.rename(folder.result_file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
