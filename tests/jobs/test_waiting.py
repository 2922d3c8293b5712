"""What a hold and a window keep from starting, and how long a plan lasts for their sake."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.contract import Declaration, Effect, Plan
from handlers.errors import Reason
from handlers.host.settings import HostSettings
from handlers.registry import declaration
from jobs.configuration import EffectPolicy, Policy
from jobs.engine import Asked, Consent, Engine, Start
from jobs.journal import ResultStatus, RunResult
from jobs.lifecycle import Status
from jobs.waiting import LONGEST_EXPIRY, Wait, good_until, why_wait
from state import hold_store, run_store
from state.database import Database, Transaction, open_database
from state.hold_store import NewHold
from state.job_store import Job

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
HOUR = timedelta(hours=1)
POLICY = Policy(
    disruptive=EffectPolicy(window="Sat 02:00-05:00 UTC"),
    destructive=EffectPolicy(window=("Mon 02:00-03:00 UTC", "Fri 12:00-14:00 UTC")),
)
ENGINE = Engine(1, "host", HostSettings(root=Path("/sample")), (), Policy())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "zulip-ops.db")
    yield opened
    opened.close()


@pytest.fixture
def tx(database: Database) -> Iterator[Transaction]:
    with database.write() as transaction:
        yield transaction


def hold(tx: Transaction, until: datetime = NOON + HOUR) -> int:
    return hold_store.begin(tx, NewHold("why", 5, "Iago", until), actor="chat:5", at=NOON).id


def queued(
    tx: Transaction, verb: Declaration, effect: Effect, consent: Consent = Consent.SCHEDULE
) -> Job:
    """A job that nobody has to be asked about any more."""
    asked = Asked(
        declaration=replace(verb, effect=effect),
        arguments={},
        command=verb.name,
        origin="schedule",
        asker_id=None,
        asker_name="nightly",
        message_id=None,
        message_sha256=None,
        inbox_id=None,
        consent=consent,
    )
    start = ENGINE.accept(tx, asked, NOON)
    run_store.end_run(tx, start.job.id, start.run.attempt, result={}, at=NOON)
    result = RunResult(
        job=start.job.id,
        attempt=start.run.attempt,
        mode=start.run.mode,
        status=ResultStatus.PLANNED,
        reason=Reason.DONE,
        sentence="",
        state="",
        started_at=NOON,
        ended_at=NOON,
        boot_id="boot",
        plan=Plan("A plan.", {}, (), "None."),
        fingerprint="f" * 64,
    )
    return ENGINE.take_plan(tx, start.job, result, NOON)


BACKUP, SCHEDULE = declaration("backup now"), declaration("schedule add")


@pytest.mark.parametrize("effect", [Effect.DISRUPTIVE, Effect.DESTRUCTIVE])
def test_a_hold_keeps_what_disrupts_in_the_queue_until_it_ends(
    tx: Transaction, effect: Effect
) -> None:
    number = hold(tx)
    job = queued(tx, BACKUP, effect)
    assert ENGINE.claim(tx, NOON) is None
    wait = ENGINE.waits(tx, job, NOON)
    assert wait is not None
    assert (wait.until, wait.hold and wait.hold.id) == (NOON + HOUR, number)
    found = ENGINE.claim(tx, NOON + HOUR)
    assert isinstance(found, Start)
    assert found.job.id == job.id


def test_what_waits_for_a_hold_keeps_nothing_else_waiting(tx: Transaction) -> None:
    hold(tx)
    queued(tx, BACKUP, Effect.DISRUPTIVE)
    backup = queued(tx, BACKUP, Effect.ROUTINE)
    found = ENGINE.claim(tx, NOON)
    assert isinstance(found, Start)
    assert found.job.id == backup.id


def test_a_hold_that_somebody_ends_holds_nothing(tx: Transaction) -> None:
    number = hold(tx)
    queued(tx, BACKUP, Effect.DISRUPTIVE)
    assert hold_store.end(tx, number, "Iago", actor="chat:5", at=NOON)
    assert not hold_store.end(tx, number, "Iago", actor="chat:5", at=NOON)
    assert isinstance(ENGINE.claim(tx, NOON), Start)


def test_the_longest_of_several_holds_counts(tx: Transaction) -> None:
    hold(tx, NOON + 3 * HOUR)
    hold(tx, NOON + HOUR)
    wait = why_wait(tx, Effect.DISRUPTIVE, Policy(), NOON)
    assert wait is not None
    assert wait.until == NOON + 3 * HOUR


def test_root_on_the_host_and_what_only_writes_a_schedule_down_are_not_held(
    tx: Transaction,
) -> None:
    hold(tx)
    of_root = queued(tx, BACKUP, Effect.DISRUPTIVE, Consent.ROOT)
    schedule = queued(tx, SCHEDULE, Effect.DISRUPTIVE)
    assert ENGINE.waits(tx, of_root, NOON) is None
    assert ENGINE.waits(tx, schedule, NOON) is None


def test_a_schedule_is_written_down_while_a_job_changes_the_server(tx: Transaction) -> None:
    queued(tx, BACKUP, Effect.ROUTINE)
    running = ENGINE.claim(tx, NOON)
    assert isinstance(running, Start)
    schedule = queued(tx, SCHEDULE, Effect.DISRUPTIVE)
    assert ENGINE.blocked_by(tx, schedule) is None
    found = ENGINE.claim(tx, NOON)
    assert isinstance(found, Start)
    assert found.job.id == schedule.id
    assert found.job.status == Status.RUNNING


def test_a_window_keeps_its_effect_waiting_and_no_other(tx: Transaction) -> None:
    wait = why_wait(tx, Effect.DISRUPTIVE, POLICY, NOON)
    assert wait is not None
    assert wait.until == datetime(2026, 11, 28, 2, tzinfo=UTC)
    assert why_wait(tx, Effect.ROUTINE, POLICY, NOON) is None
    assert why_wait(tx, Effect.DISRUPTIVE, POLICY, wait.until) is None


@pytest.mark.parametrize(
    ("effect", "now", "until"),
    [
        (Effect.ROUTINE, NOON, NOON + HOUR),
        (Effect.DISRUPTIVE, NOON, datetime(2026, 11, 28, 5, tzinfo=UTC)),
        # Inside it, there is still time; near its end the plan lasts to the end of the next one.
        (Effect.DESTRUCTIVE, NOON + 25 * HOUR, datetime(2026, 11, 27, 14, tzinfo=UTC)),
        (Effect.DESTRUCTIVE, NOON + 25.75 * HOUR, datetime(2026, 11, 30, 3, tzinfo=UTC)),
    ],
)
def test_a_plan_lasts_to_the_end_of_the_next_window(
    effect: Effect, now: datetime, until: datetime
) -> None:
    assert good_until(POLICY, effect, now) == until


def test_a_plan_lasts_a_week_at_most() -> None:
    policy = Policy(disruptive=EffectPolicy(window="Thu 12:00-18:00 UTC"))
    late = NOON + 5.5 * HOUR
    assert good_until(policy, Effect.DISRUPTIVE, late) == late + LONGEST_EXPIRY


def test_outside_its_windows_a_job_waits_for_the_next_of_them(tx: Transaction) -> None:
    friday = NOON + timedelta(days=1)
    assert why_wait(tx, Effect.DESTRUCTIVE, POLICY, NOON) == Wait(
        friday, windows=("Mon 02:00-03:00 UTC", "Fri 12:00-14:00 UTC")
    )
    assert why_wait(tx, Effect.DESTRUCTIVE, POLICY, friday) is None
