"""Measures how long a runner takes from its spawn to its first step."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from handlers.contract import Facts
from handlers.host.processes import Argv
from handlers.host.settings import HostSettings
from jobs.journal import PLAN, Asker, RunSpec
from jobs.launching.fork_launcher import RUNNER, ForkLauncher
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import RecordKind
from jobs.runs.run_folder import RunFolder

PATIENCE = timedelta(seconds=30)


def runner_start_seconds(
    operation: str, arguments: Facts, *, times: int = 20, runner: Argv = RUNNER
) -> list[float]:
    """From the launcher's call to the time in the first step's record, for each of some plans.

    A plan looks only, so any operation will do; where it comes to nothing after its first step
    does not matter.
    """
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        state = Path(directory)
        host = HostSettings(root=state)
        launcher = ForkLauncher(state, ObserverSpec(host, (), state), runner=runner)
        return [
            _start(launcher, _spec(host, operation, arguments, job)) for job in range(1, times + 1)
        ]


def _start(launcher: ForkLauncher, spec: RunSpec) -> float:
    called_at = datetime.now(UTC)
    folder = RunFolder(launcher.plan(spec).folder)
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while not folder.has_ended:
        assert time.monotonic() < deadline, f"{folder.path} has not ended"
        time.sleep(0.01)
    records = JournalReader(folder.journal_file).read()
    first = next(record for record in records if record.kind is RecordKind.STEP)
    return (first.at - called_at).total_seconds()


def _spec(host: HostSettings, operation: str, arguments: Facts, job: int) -> RunSpec:
    return RunSpec(
        job=job,
        attempt=1,
        mode=PLAN,
        operation=operation,
        arguments=arguments,
        asker=Asker(kind="root", id=None, name="bench"),
        host=host,
        stores=(),
        created_at=datetime.now(UTC),
        nonce="0",
    )
