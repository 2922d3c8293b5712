"""A start that went wrong is told as not begun, or is not known until somebody has looked."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.deciding.effects import EndRun, StartRun
from bot.events import Event
from bot.hands import Hands, Tools
from bot.observations import Question
from handlers.host.settings import HostSettings
from jobs.clock import SystemClock
from jobs.engine import Start
from jobs.journal import ResultStatus
from jobs.launcher import RunStatus
from jobs.launching.helper_launcher import HelperLauncher
from jobs.recovery import OpenRun
from jobs.runs.run_folder import RunFolder
from jobs.schedules import Recurrence
from jobs.watcher import RunEnded, RunLost, Watcher
from state import run_store
from state.database import Database, open_database
from tests.fakes.helper import FakeHelper
from tests.fakes.runs import fork_launcher, spec
from tests.state.sample_rows import NOW, make_job

INTENDED = OpenRun(leaves_traces=True, intended_this_boot=True, was_started=False)


class Quiet:
    """The reader, the sender and the scheduler, of which none is needed here."""

    def ask(self, question_id: int, question: Question, deadline: datetime) -> None:
        raise AssertionError(question)

    def notify(self) -> None:
        pass

    def retry_now(self) -> None:
        pass

    def hold_back(self, at_most: timedelta) -> None:
        raise AssertionError(at_most)

    def follow(self, schedules: Mapping[str, Recurrence]) -> None:
        pass


@dataclass
class Bench:
    """Hands with a real watcher, which reach their launcher over a helper's socket."""

    hands: Hands
    database: Database
    socket: Path
    state: Path
    start: StartRun
    events: list[Event] = field(default_factory=list)

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < give_up, f"waited in vain: {what}; {self.events}"
            time.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    host, state = tmp_path / "host", tmp_path / "state"
    for folder in (host, state):
        folder.mkdir()
    database, quiet, events = open_database(state / "zulip-ops.db"), Quiet(), list[Event]()
    with tempfile.TemporaryDirectory(prefix="ops") as directory:
        socket = Path(directory) / "helper.sock"
        launcher = HelperLauncher(socket)
        watcher = Watcher(launcher, events.append)
        watcher.start()
        tools = Tools(
            database, SystemClock(), launcher, quiet, watcher, quiet, quiet, events.append
        )
        hands = Hands(tools, state)
        yield Bench(hands, database, socket, state, _intended(database, host), events)
        hands.stop()
        watcher.stop()
    database.close()


def _intended(database: Database, host: Path) -> StartRun:
    with database.write() as tx:
        job = make_job(tx, status="running")
        run = run_store.intend_run(tx, job.id, "run", NOW)
    return StartRun(Start(job, run, spec(host, job=job.id, attempt=run.attempt)))


@contextmanager
def helper(bench: Bench) -> Iterator[FakeHelper]:
    with FakeHelper(bench.socket, fork_launcher(bench.state)) as serving:
        yield serving
    bench.socket.unlink()


def effects(bench: Bench) -> int:
    """How often the run had its effect on the host."""
    host: HostSettings = bench.start.start.spec.host
    file = host.root / "effects"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_launcher_that_cannot_be_reached_has_begun_nothing(bench: Bench) -> None:
    bench.hands.carry_out(bench.start)
    bench.wait_for(lambda: bool(bench.told(RunLost)), "it is told")
    (lost,) = bench.told(RunLost)
    assert isinstance(lost, RunLost)
    assert lost.status == RunStatus()
    assert "does not answer at" in lost.sentence


def test_a_start_whose_answer_is_lost_is_looked_for_and_followed(bench: Bench) -> None:
    with helper(bench) as serving:
        serving.loses = 1
        bench.hands.carry_out(bench.start)
        bench.wait_for(lambda: effects(bench) == 1, "it runs")
        assert bench.events == [], "nobody knows yet"
        bench.hands.find_stray(bench.start, INTENDED)
        bench.wait_for(lambda: bool(bench.told(RunEnded)), "its end")
    (ended,) = bench.told(RunEnded)
    assert isinstance(ended, RunEnded)
    assert ended.result.status is ResultStatus.SUCCEEDED
    assert (effects(bench), bench.told(RunLost)) == (1, [])


def test_while_the_launcher_is_away_nothing_is_said_of_a_start_that_may_have_been(
    bench: Bench,
) -> None:
    bench.hands.find_stray(bench.start, INTENDED)
    with helper(bench):
        bench.hands.find_stray(bench.start, INTENDED)
        bench.wait_for(lambda: bool(bench.told(RunEnded)), "it is started after all")
    assert (effects(bench), bench.told(RunLost)) == (1, [])


def test_a_run_that_nobody_could_be_asked_to_end_is_ended_later(bench: Bench) -> None:
    run = bench.start.start.spec
    slow = replace(bench.start.start, spec=spec(run.host.root, "slow", job=run.job, attempt=2))
    with helper(bench):
        bench.hands.carry_out(StartRun(slow))
        folder = RunFolder(bench.state / "runs" / f"{run.job}-2")
        bench.wait_for(lambda: folder.has_begun, "it runs")
    bench.hands.carry_out(EndRun(run.job, 2))
    bench.hands.end_again()
    assert not bench.told(RunEnded)

    def has_ended() -> bool:
        bench.hands.end_again()
        return bool(bench.told(RunEnded))

    with helper(bench):
        bench.wait_for(has_ended, "its end")
    (ended,) = bench.told(RunEnded)
    assert isinstance(ended, RunEnded)
    assert ended.result.status is ResultStatus.CANCELLED
