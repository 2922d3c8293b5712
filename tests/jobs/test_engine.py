"""Jobs move as the table allows, start only with consent, and one at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from handlers.contract import Plan, Precondition
from handlers.errors import Reason
from handlers.host.settings import HostSettings
from handlers.registry import declaration
from jobs import approvals
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_rules import Observation, SourceSeen, State, Vote, Voter
from jobs.consent_terms import policy_sha256
from jobs.engine import Asked, Consent, Engine, LookAgain, Start
from jobs.journal import PLAN, RUN, ResultStatus, RunResult
from jobs.lifecycle import FINAL, HOLDS_HOST, Status
from state import approval_store, audit_log, installation, job_store, outbox, run_store
from state.approval_store import Request
from state.database import Database, Transaction, open_database
from state.job_store import Job
from state.models import approval_requests
from tests.state.sample_rows import make_job

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
IAGO, HAMLET, BOT = 5, 6, 9
CARD_SHA256 = "c" * 64
POLICY = Policy(
    roles={"operator": (IAGO,)},
    routine=EffectPolicy(ask=("operator",), yes=True, expires_minutes=60),
)
ENGINE = Engine(1, "host", HostSettings(root=Path("/sample")), (), POLICY)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "zulip-ops.db")
    yield opened
    opened.close()


@pytest.fixture
def tx(database: Database) -> Iterator[Transaction]:
    with database.write() as transaction:
        yield transaction


def asked(consent: Consent = Consent.REACTION) -> Asked:
    return Asked(
        declaration=declaration("backup now"),
        arguments={},
        command="backup now",
        origin="chat",
        asker_id=IAGO,
        asker_name="Iago",
        message_id=1,
        message_sha256="a" * 64,
        inbox_id=None,
        consent=consent,
    )


def result(start: Start, status: ResultStatus, **more: object) -> RunResult:
    planned = status is ResultStatus.PLANNED
    values: dict[str, object] = {
        "job": start.job.id,
        "attempt": start.run.attempt,
        "mode": start.run.mode,
        "status": status,
        "reason": Reason.DONE,
        "sentence": "It is done.",
        "state": "as it was.",
        "started_at": NOW,
        "ended_at": NOW,
        "boot_id": "boot",
        "plan": Plan("A plan.", {"a": 1}, ("Copy",), "None needed.") if planned else None,
        "fingerprint": "f" * 64 if planned else None,
        "card_sha256": CARD_SHA256 if planned else None,
    }
    return RunResult(**(values | more))  # type: ignore[arg-type]  # made by name


def planned(tx: Transaction, consent: Consent = Consent.REACTION, **more: object) -> Job:
    """A job whose plan was taken in."""
    start = ENGINE.accept(tx, asked(consent), NOW)
    run_store.end_run(tx, start.job.id, start.run.attempt, result={}, at=NOW)
    return ENGINE.take_plan(tx, start.job, result(start, ResultStatus.PLANNED, **more), NOW)


def granted(tx: Transaction, at: datetime = NOW) -> Job:
    return ENGINE.grant(tx, planned(tx), (IAGO,), at)


def started(tx: Transaction, at: datetime = NOW) -> Start:
    found = ENGINE.claim(tx, at)
    assert isinstance(found, Start)
    return found


def test_a_command_becomes_a_job_with_its_plan_run_intended(tx: Transaction) -> None:
    start = ENGINE.accept(tx, asked(), NOW)
    assert (start.job.status, start.run.mode, start.run.attempt) == (Status.PLANNING, PLAN, 1)
    assert start.spec.fingerprint is None
    assert start.spec.command is not None
    assert start.spec.audit_head is not None
    assert audit_log.hash_of(tx, start.spec.audit_head.seq) == start.spec.audit_head.hash
    assert start.job.expires_at == NOW + timedelta(minutes=60)


def test_a_plan_waits_for_the_askers_reaction(tx: Transaction) -> None:
    job = planned(tx)
    assert job.status == Status.AWAITING_APPROVAL
    request = approval_store.get(tx, job.id)
    assert request is not None
    assert (request.status, request.fingerprint, request.asker_id) == ("open", "f" * 64, IAGO)
    assert ENGINE.claim(tx, NOW) is None


def test_yes_in_the_command_is_read_again_before_the_start(tx: Transaction) -> None:
    """Whoever typed it was read before the plan was made, which may have taken minutes."""
    job = planned(tx, Consent.YES)
    assert job.status == Status.QUEUED
    assert ENGINE.claim(tx, NOW) == LookAgain(job)
    assert isinstance(ENGINE.claim(tx, NOW, reread=job.id), Start)


@pytest.mark.parametrize("consent", [Consent.SCHEDULE, Consent.ROOT])
def test_consent_that_was_given_before_queues_the_job_at_once(
    tx: Transaction, consent: Consent
) -> None:
    assert planned(tx, consent).status == Status.QUEUED
    start = started(tx)
    assert start.run.mode == RUN
    assert start.spec.fingerprint == "f" * 64


def test_a_precondition_that_does_not_hold_fails_the_job_with_its_sentence(tx: Transaction) -> None:
    plan = Plan("A plan.", {}, (), "", (Precondition("space", "The disk is full.", holds=False),))
    job = planned(tx, Consent.YES, plan=plan)
    assert (job.status, job.reason) == (Status.FAILED, Reason.PREFLIGHT_FAILED)
    assert job.sentence == "The disk is full."


def test_a_failed_plan_fails_the_job(tx: Transaction) -> None:
    start = ENGINE.accept(tx, asked(), NOW)
    failed = result(start, ResultStatus.FAILED, reason=Reason.TOOL_FAILED, sentence="No pg_dump.")
    job = ENGINE.take_plan(tx, start.job, failed, NOW)
    assert (job.status, job.sentence, job.ended_at) == (Status.FAILED, "No pg_dump.", NOW)


def test_granted_consent_is_consumed_by_the_start_and_by_no_second_one(tx: Transaction) -> None:
    job = granted(tx)
    assert started(tx).job.id == job.id
    request = approval_store.get(tx, job.id)
    assert request is not None
    assert request.status == "consumed"
    assert ENGINE.claim(tx, NOW) is None


def test_consent_that_was_seen_long_ago_is_read_again_before_the_start(tx: Transaction) -> None:
    job = granted(tx)
    later = NOW + timedelta(seconds=11)
    found = ENGINE.claim(tx, later)
    assert isinstance(found, LookAgain)
    assert found.job.id == job.id
    assert isinstance(ENGINE.claim(tx, later, reread=job.id), Start)


def test_only_one_job_changes_the_host_at_a_time(tx: Transaction) -> None:
    first, second = planned(tx, Consent.ROOT), planned(tx, Consent.ROOT)
    start = started(tx)
    assert start.job.id == first.id
    assert ENGINE.claim(tx, NOW) is None
    blocking = ENGINE.blocked_by(tx, second)
    assert blocking is not None
    assert blocking.id == first.id
    run_store.end_run(tx, first.id, start.run.attempt, result={}, at=NOW)
    ENGINE.take_result(tx, start.job, result(start, ResultStatus.SUCCEEDED), NOW)
    assert started(tx).job.id == second.id


def test_a_queued_job_that_waited_too_long_does_not_start_and_expires(tx: Transaction) -> None:
    job = planned(tx, Consent.YES)
    late = NOW + timedelta(minutes=60)
    assert ENGINE.claim(tx, late) is None
    expired = ENGINE.expire(tx, job, late)
    assert (expired.status, expired.reason) == (Status.EXPIRED, Reason.EXPIRED)
    assert expired.sentence == "Its plan was too old when its turn came, so nothing was done."


def test_what_nobody_in_zulip_agreed_to_waits_for_its_turn_as_long_as_it_takes(
    tx: Transaction,
) -> None:
    job = planned(tx, Consent.SCHEDULE)
    assert job.expires_at is None
    assert isinstance(ENGINE.claim(tx, NOW + timedelta(days=2)), Start)


def test_a_lost_backup_has_failed_and_frees_the_host(tx: Transaction) -> None:
    planned(tx, Consent.ROOT)
    start = started(tx)
    job = ENGINE.lose(tx, start.job, "The run's process was killed.", NOW)
    assert (job.status, job.reason) == (Status.FAILED, Reason.RUN_LOST)
    assert ENGINE.claim(tx, NOW) is None


def test_a_lost_run_that_was_never_begun_has_failed_whatever_it_would_have_done(
    tx: Transaction,
) -> None:
    lost = ENGINE.lose(tx, running_rollback(tx), "Nobody answers.", NOW, begun=False)
    assert (lost.status, lost.reason) == (Status.FAILED, Reason.RUN_LOST)
    assert lost.outcome == {"state": "Nothing was changed."}
    killed = ENGINE.lose(tx, running_rollback(tx), "It was killed.", NOW)
    assert (killed.status, killed.outcome) == (Status.INTERRUPTED, None)


def running_rollback(tx: Transaction) -> Job:
    """Nobody can say what is left when it dies."""
    declared = declaration("rollback")
    assert not declared.leaves_nothing
    return make_job(tx, operation=declared.name, effect=declared.effect.value, status="running")


def test_cancelling_a_waiting_job_ends_it_and_closes_its_request(tx: Transaction) -> None:
    job = ENGINE.cancel(tx, planned(tx), "Iago", NOW)
    assert job.status == Status.CANCELLED
    request = approval_store.get(tx, job.id)
    assert request is not None
    assert request.status == "closed"


def test_cancelling_a_running_job_only_marks_it_until_its_run_has_ended(tx: Transaction) -> None:
    planned(tx, Consent.ROOT)
    start = started(tx)
    job = ENGINE.cancel(tx, start.job, "Iago", NOW)
    assert (job.status, job.cancelling, job.cancelled_by) == (Status.RUNNING, True, "Iago")
    ended = ENGINE.take_result(tx, job, result(start, ResultStatus.CANCELLED), NOW)
    assert ended.status == Status.CANCELLED


def asked_of(tx: Transaction, job: Job) -> Request:
    """The request for consent to a plan that was posted."""
    tx.execute(update(approval_requests).values(message_id=job.card_message_id))
    found = approval_store.get(tx, job.id)
    assert found is not None
    return found


def look(job: Job, *votes: Vote, at: datetime = NOW, sha256: str = CARD_SHA256) -> Observation:
    return Observation(
        epoch=1,
        message_id=job.card_message_id or 0,
        sender_id=BOT,
        content_sha256=sha256,
        edited=False,
        moved=False,
        reactions=votes,
        people={one: Voter(is_human=True, is_active=True, is_guest=False) for one in (5, 6)},
        fetch_started_at=at,
        fetch_ended_at=at,
        command=SourceSeen(1, IAGO, "a" * 64, edited=False, moved=False),
        policy_sha256=policy_sha256(POLICY),
    )


@pytest.mark.parametrize(
    ("votes", "state"),
    [
        ((), State.WAITING),
        ((Vote(IAGO, "2705", "unicode_emoji"),), State.GRANTED),
        ((Vote(HAMLET, "2705", "unicode_emoji"),), State.WAITING),
        ((Vote(BOT, "2705", "unicode_emoji"),), State.WAITING),
        ((Vote(IAGO, "2705", "realm_emoji"),), State.WAITING),
        ((Vote(IAGO, "274c", "unicode_emoji"),), State.REJECTED),
    ],
)
def test_the_asker_alone_confirms_what_is_routine(
    tx: Transaction, votes: tuple[Vote, ...], state: State
) -> None:
    job = planned(tx)
    job_store.change(tx, job.id, card_message_id=77)
    carded = job_store.get(tx, job.id)
    assert carded is not None
    verdict = approvals.decide(asked_of(tx, carded), carded, look(carded, *votes), NOW, BOT)
    assert verdict.state is state


def test_another_card_than_the_posted_one_is_void(tx: Transaction) -> None:
    job = planned(tx)
    job_store.change(tx, job.id, card_message_id=77)
    carded = job_store.get(tx, job.id)
    assert carded is not None
    seen = look(carded, Vote(IAGO, "2705", "unicode_emoji"), sha256="d" * 64)
    assert approvals.decide(asked_of(tx, carded), carded, seen, NOW, BOT).state is State.VOID


ACTIONS = ["ask", "ask --yes", "plan", "refuse", "grant", "claim", "end", "lose", "cancel", "wait"]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5)), max_size=40))
def test_whatever_happens_nothing_starts_without_consent_and_never_two_at_once(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]]
) -> None:
    database = open_database(tmp_path_factory.mktemp("engine") / "zulip-ops.db")
    now, consented, starts = NOW, set[int](), list[int]()
    runs: dict[int, Start] = {}
    for action, choice in story:
        with database.write() as tx:
            now = _act(tx, action, choice, now, (consented, starts, runs))
            running = job_store.in_status(tx, *sorted(HOLDS_HOST))
            assert len(running) <= 1
    assert len(starts) == len(set(starts))
    assert set(starts) <= consented
    with database.read() as tx:
        assert audit_log.verify(tx) is None
        assert installation.epoch(tx) == 1
        assert outbox.count_pending(tx) == 0
    database.close()


def _act(
    tx: Transaction,
    action: str,
    choice: int,
    now: datetime,
    known: tuple[set[int], list[int], dict[int, Start]],
) -> datetime:
    """One thing that may happen; what is not possible now does nothing."""
    consented, starts, runs = known
    match action:
        case "ask" | "ask --yes":
            consent = Consent.YES if "yes" in action else Consent.REACTION
            start = ENGINE.accept(tx, asked(consent), now)
            runs[start.job.id] = start
            consented.update({start.job.id} if consent is Consent.YES else ())
        case "plan" | "refuse":
            for job in _chosen(tx, choice, Status.PLANNING):
                status = ResultStatus.PLANNED if action == "plan" else ResultStatus.FAILED
                run_store.end_run(tx, job.id, 1, result={}, at=now)
                ENGINE.take_plan(tx, job, result(runs[job.id], status), now)
        case "grant":
            for job in _chosen(tx, choice, Status.AWAITING_APPROVAL):
                ENGINE.grant(tx, job, (IAGO,), now)
                consented.add(job.id)
        case "claim":
            found = ENGINE.claim(tx, now)
            if isinstance(found, Start):
                starts.append(found.job.id)
                runs[found.job.id] = found
        case "end" | "lose":
            for job in _chosen(tx, choice, Status.RUNNING):
                run_store.end_run(tx, job.id, runs[job.id].run.attempt, result=None, at=now)
                if action == "lose":
                    ENGINE.lose(tx, job, "It was killed.", now)
                else:
                    ENGINE.take_result(tx, job, result(runs[job.id], ResultStatus.SUCCEEDED), now)
        case "cancel":
            for job in _chosen(tx, choice, *(set(Status) - FINAL)):
                ENGINE.cancel(tx, job, "Iago", now)
        case "wait":
            return now + timedelta(minutes=choice * 10)
    return now


def _chosen(tx: Transaction, choice: int, *statuses: Status) -> list[Job]:
    found = [job for job in job_store.in_status(tx, *sorted(statuses)) if not job.cancelling]
    return found[choice % len(found) :][:1] if found else []
