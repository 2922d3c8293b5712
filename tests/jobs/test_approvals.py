"""Requests for consent say what the policy asks, and a look at them decides on exactly one plan."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.contract import JSON
from jobs.approvals import ask, ask_by_word, command_of, decide, is_fresh
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_rules import (
    UNICODE_EMOJI,
    YES,
    Cause,
    Observation,
    Source,
    SourceSeen,
    State,
    Verdict,
    Vote,
    Voter,
)
from jobs.consent_terms import policy_sha256
from state import approval_store, job_store
from state.approval_store import Request
from state.database import Transaction, open_database
from state.job_store import Job
from tests.state.sample_rows import IAGO, NOW, make_job

DESDEMONA, HAMLET, BOT, CARD, COMMAND = 10, 12, 17, 500, 499
FINGERPRINT, COMMAND_SHA256, CARD_SHA256 = "f" * 64, "a" * 64, "c" * 64
END = NOW + timedelta(minutes=30)
POLICY = Policy(
    {"operator": (IAGO, DESDEMONA, HAMLET)},
    routine=EffectPolicy(ask=("operator",)),
    destructive=EffectPolicy(ask=("operator",), approve=("operator",)),
)
PERSON = Voter(is_human=True, is_active=True, is_guest=False)


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    database = open_database(tmp_path / "zulip-ops.db")
    with database.write() as transaction:
        yield transaction
    database.close()


def job_of(tx: Transaction, **more: Any) -> Job:
    made = make_job(
        tx,
        **{
            "effect": "destructive",
            "expires_at": END,
            "command_message_id": COMMAND,
            "command_sha256": COMMAND_SHA256,
        }
        | more,
    )
    plan: dict[str, JSON] = {"plan": {}, "card_sha256": CARD_SHA256}
    job_store.change(tx, made.id, plan=plan, fingerprint=FINGERPRINT)
    found = job_store.get(tx, made.id)
    assert found is not None
    return found


def test_a_request_asks_what_the_policy_asks_at_this_moment(tx: Transaction) -> None:
    job = job_of(tx)
    assert ask(tx, job, FINGERPRINT, POLICY) == Request(
        job_id=job.id,
        message_id=None,
        fingerprint=FINGERPRINT,
        kind="approval",
        asker_id=IAGO,
        approvers=[DESDEMONA, IAGO, HAMLET],
        self_counts=False,
        needed=2,
        arming_seconds=60,
        armed_until=None,
        policy_sha256=policy_sha256(POLICY),
        expires_at=END,
        status="open",
        votes=[],
        spoken=[],
        told={},
        decided_at=None,
    )


def test_what_is_routine_asks_the_asker(tx: Transaction) -> None:
    request = ask(tx, job_of(tx, effect="routine"), FINGERPRINT, POLICY)
    assert (request.kind, request.approvers, request.self_counts, request.needed) == (
        "confirmation",
        [IAGO],
        True,
        1,
    )
    assert request.arming_seconds == 0


def test_a_word_is_asked_of_the_command_itself(tx: Transaction) -> None:
    job = job_of(tx, effect="routine")
    assert ask_by_word(tx, job, FINGERPRINT, POLICY) == Request(
        job_id=job.id,
        message_id=COMMAND,
        fingerprint=FINGERPRINT,
        kind="word",
        asker_id=IAGO,
        approvers=[IAGO],
        self_counts=True,
        needed=1,
        arming_seconds=0,
        armed_until=None,
        policy_sha256=policy_sha256(POLICY),
        expires_at=END,
        status="open",
        votes=[],
        spoken=[],
        told={},
        decided_at=None,
    )


@pytest.mark.parametrize("missing", ["expires_at", "asker_id"])
def test_nothing_is_asked_without_an_end_or_an_asker(tx: Transaction, missing: str) -> None:
    job = job_of(tx, **{missing: None})
    for way in (ask, ask_by_word):
        with pytest.raises(AssertionError):
            way(tx, job, FINGERPRINT, POLICY)


def seen(*voters: int, **more: Any) -> Observation:
    observation = Observation(
        epoch=1,
        message_id=CARD,
        sender_id=BOT,
        content_sha256=CARD_SHA256,
        edited=False,
        moved=False,
        reactions=tuple(Vote(one, YES, UNICODE_EMOJI) for one in voters),
        people=dict.fromkeys((IAGO, DESDEMONA, HAMLET), PERSON),
        fetch_started_at=NOW - timedelta(seconds=2),
        fetch_ended_at=NOW - timedelta(seconds=1),
        command=SourceSeen(COMMAND, IAGO, COMMAND_SHA256, edited=False, moved=False),
        policy_sha256=policy_sha256(POLICY),
    )
    return replace(observation, **more)


GRANTED = Verdict(State.GRANTED, (DESDEMONA, HAMLET), Cause.ENOUGH)


class TestOneLook:
    @pytest.fixture
    def job(self, tx: Transaction) -> Job:
        return job_of(tx)

    @pytest.fixture
    def request_(self, tx: Transaction, job: Job) -> Request:
        return replace(ask(tx, job, FINGERPRINT, POLICY), message_id=CARD)

    def test_grants_when_the_people_of_the_request_agree(self, job: Job, request_: Request) -> None:
        assert decide(request_, job, seen(DESDEMONA, HAMLET), NOW, BOT) == GRANTED

    def test_counts_as_the_request_says(self, job: Job, request_: Request) -> None:
        for other, observation in (
            (request_, seen(HAMLET)),
            (request_, seen(HAMLET, IAGO)),
            (replace(request_, needed=3), seen(DESDEMONA, HAMLET)),
            (replace(request_, approvers=[HAMLET, IAGO]), seen(DESDEMONA, HAMLET)),
        ):
            verdict = decide(other, job, observation, NOW, BOT)
            assert (verdict.state, verdict.reason) == (State.WAITING, Cause.TOO_FEW)
        own = replace(request_, self_counts=True)
        assert decide(own, job, seen(HAMLET, IAGO), NOW, BOT).state is State.GRANTED

    @pytest.mark.parametrize(
        ("more", "cause"),
        [
            ({"epoch": 2}, Cause.OTHER_EPOCH),
            ({"policy_sha256": "0" * 64}, Cause.OTHER_POLICY),
            ({"sender_id": IAGO}, Cause.OTHER_SENDER),
            ({"content_sha256": COMMAND_SHA256}, Cause.OTHER_CONTENT),
            (
                {"command": SourceSeen(COMMAND, IAGO, "b" * 64, edited=False, moved=False)},
                Cause.COMMAND_EDITED,
            ),
        ],
    )
    def test_is_void_for_another_plan(
        self, job: Job, request_: Request, more: dict[str, Any], cause: Cause
    ) -> None:
        verdict = decide(request_, job, seen(DESDEMONA, HAMLET, **more), NOW, BOT)
        assert verdict == Verdict(State.VOID, (), cause)

    def test_of_another_message_decides_nothing(self, job: Job, request_: Request) -> None:
        observation = seen(DESDEMONA, HAMLET, message_id=501)
        assert decide(request_, job, observation, NOW, BOT).reason is Cause.OTHER_MESSAGE
        unsent = replace(request_, message_id=None)
        nothing = seen(DESDEMONA, HAMLET, message_id=0)
        assert decide(unsent, job, nothing, NOW, BOT).state is State.GRANTED

    def test_after_the_end_of_the_request_is_too_late(self, job: Job, request_: Request) -> None:
        verdict = decide(request_, job, seen(DESDEMONA, HAMLET), END, BOT)
        assert verdict == Verdict(State.EXPIRED, (), Cause.TIME_IS_UP)

    def test_needs_a_plan_and_an_asker(self, job: Job, request_: Request) -> None:
        with pytest.raises(AssertionError):
            decide(request_, replace(job, plan=None), seen(), NOW, BOT)
        with pytest.raises(AssertionError):
            decide(replace(request_, asker_id=None), job, seen(), NOW, BOT)


class TestAWord:
    @pytest.fixture
    def job(self, tx: Transaction) -> Job:
        return job_of(tx, effect="routine")

    @pytest.fixture
    def request_(self, tx: Transaction, job: Job) -> Request:
        return ask_by_word(tx, job, FINGERPRINT, POLICY)

    def said(self, **more: Any) -> Observation:
        usual = {
            "message_id": COMMAND,
            "sender_id": IAGO,
            "content_sha256": COMMAND_SHA256,
            "command": None,
            "spoken": frozenset({IAGO}),
        }
        return seen(**usual | more)

    def test_counts_while_the_command_is_what_it_was(self, job: Job, request_: Request) -> None:
        verdict = decide(request_, job, self.said(), NOW, BOT)
        assert verdict == Verdict(State.GRANTED, (IAGO,), Cause.ENOUGH)

    @pytest.mark.parametrize(
        ("more", "cause"),
        [
            ({"sender_id": BOT}, Cause.OTHER_SENDER),
            ({"content_sha256": CARD_SHA256}, Cause.OTHER_CONTENT),
            ({"edited": True}, Cause.EDITED),
        ],
    )
    def test_is_void_once_it_is_another(
        self, job: Job, request_: Request, more: dict[str, Any], cause: Cause
    ) -> None:
        verdict = decide(request_, job, self.said(**more), NOW, BOT)
        assert verdict == Verdict(State.VOID, (), cause)


def test_the_command_of_a_job_is_known_by_message_sender_and_content(tx: Transaction) -> None:
    job = job_of(tx)
    assert command_of(job) == Source(COMMAND, IAGO, COMMAND_SHA256)
    for missing in ("command_message_id", "command_sha256", "asker_id"):
        assert command_of(replace(job, **{missing: None})) is None  # type: ignore[arg-type]  # by name


class TestFreshness:
    @pytest.fixture
    def job(self, tx: Transaction) -> Job:
        job = job_of(tx)
        ask(tx, job, FINGERPRINT, POLICY)
        return job

    def latch(self, tx: Transaction, job: Job, at: datetime = NOW) -> None:
        assert approval_store.latch(tx, job.id, FINGERPRINT, [], actor="test", at=at)

    @pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (10, True), (10.001, False)])
    def test_consent_is_fresh_for_ten_seconds(
        self, tx: Transaction, job: Job, seconds: float, *, fresh: bool
    ) -> None:
        self.latch(tx, job)
        assert is_fresh(tx, job, NOW + timedelta(seconds=seconds)) is fresh

    def test_consent_that_is_not_there_is_not_fresh(self, tx: Transaction, job: Job) -> None:
        assert not is_fresh(tx, job, NOW)
        assert not is_fresh(tx, make_job(tx), NOW)

    def test_consent_that_was_used_up_is_not_fresh(self, tx: Transaction, job: Job) -> None:
        self.latch(tx, job)
        assert approval_store.consume(tx, job.id, FINGERPRINT, actor="test", at=NOW)
        assert not is_fresh(tx, job, NOW)

    def test_a_word_never_is(self, tx: Transaction) -> None:
        job = job_of(tx, effect="routine")
        ask_by_word(tx, job, FINGERPRINT, POLICY)
        self.latch(tx, job)
        assert not is_fresh(tx, job, NOW)
