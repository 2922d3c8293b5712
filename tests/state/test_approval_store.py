"""Consent is for one fingerprint and used once; an observation answers the newest question."""

import pytest
from sqlalchemy.exc import IntegrityError

from state import approval_store, audit_log, epochs
from state.approval_store import NewRequest, Question, Request
from state.columns import JSON
from state.database import Transaction
from tests.state.sample_rows import IAGO, NOW, after, make_job

FINGERPRINT = "f" * 64
VOTES: JSON = [{"user_id": IAGO, "emoji_code": "2705"}]


def make_request(tx: Transaction, message_id: int | None = 500) -> Request:
    return approval_store.create(
        tx,
        NewRequest(
            job_id=make_job(tx).id,
            fingerprint=FINGERPRINT,
            kind="confirmation",
            asker_id=IAGO,
            needed=1,
            expires_at=after(3600),
            message_id=message_id,
        ),
    )


def latch(tx: Transaction, request: Request, fingerprint: str = FINGERPRINT) -> bool:
    return approval_store.latch(
        tx, request.job_id, fingerprint, VOTES, actor="user/11", at=after(1)
    )


def consume(tx: Transaction, request: Request, fingerprint: str = FINGERPRINT) -> bool:
    return approval_store.consume(tx, request.job_id, fingerprint, actor="bot", at=after(2))


def close(tx: Transaction, request: Request) -> bool:
    return approval_store.close(tx, request.job_id, actor="bot", at=after(3))


def test_consent_is_latched_then_consumed_once(tx: Transaction) -> None:
    request = make_request(tx)
    assert not consume(tx, request), "nobody has consented yet"
    assert latch(tx, request)
    assert not latch(tx, request)
    assert consume(tx, request)
    assert not consume(tx, request)
    assert not close(tx, request)
    after_all = approval_store.get(tx, request.job_id)
    assert after_all is not None
    assert (after_all.status, after_all.votes) == ("consumed", VOTES)


def test_another_fingerprint_is_not_consented_to(tx: Transaction) -> None:
    request = make_request(tx)
    assert not latch(tx, request, "0" * 64)
    assert latch(tx, request)
    assert not consume(tx, request, "0" * 64)


@pytest.mark.parametrize("latched", [False, True])
def test_what_is_closed_starts_nothing(tx: Transaction, latched: bool) -> None:
    request = make_request(tx)
    if latched:
        latch(tx, request)
    assert close(tx, request)
    assert not close(tx, request)
    assert not latch(tx, request)
    assert not consume(tx, request)


def test_every_decision_is_in_the_audit_log(tx: Transaction) -> None:
    request = make_request(tx)
    latch(tx, request)
    consume(tx, request)
    consumed, latched, _created = audit_log.page(tx)
    assert latched.action == "consent latched"
    assert latched.detail == {"job": request.job_id, "fingerprint": FINGERPRINT, "votes": VOTES}
    assert (consumed.action, consumed.actor) == ("consent consumed", "bot")


def test_a_job_has_one_request(tx: Transaction) -> None:
    request = make_request(tx)
    with pytest.raises(IntegrityError):
        approval_store.create(
            tx, NewRequest(request.job_id, FINGERPRINT, "approval", None, 1, after(1))
        )


def test_open_requests_are_those_that_wait(tx: Transaction) -> None:
    first, second, third = (make_request(tx) for _ in range(3))
    latch(tx, second)
    assert [request.job_id for request in approval_store.open_requests(tx)] == [
        first.job_id,
        third.job_id,
    ]


def test_a_message_that_came_back_with_its_id_means_the_newest_request(tx: Transaction) -> None:
    make_request(tx, message_id=500)
    newer = make_request(tx, message_id=500)
    assert approval_store.by_message(tx, 500) == newer
    assert approval_store.by_message(tx, 501) is None


def ask(tx: Transaction, message_id: int | None = 500, purpose: str = "consent") -> Question:
    return approval_store.ask(
        tx, job_id=None, message_id=message_id, people=[IAGO], purpose=purpose, at=NOW
    )


def test_an_observation_counts_for_the_newest_revision_alone(tx: Transaction) -> None:
    first, second = ask(tx), ask(tx)
    assert (first.revision, second.revision) == (1, 2)
    assert approval_store.answer(tx, first.id, at=NOW) is None
    assert [question.id for question in approval_store.open_questions(tx)] == [second.id]
    answered = approval_store.answer(tx, second.id, at=NOW)
    assert answered is not None
    assert (answered.status, answered.people) == ("answered", [IAGO])
    assert approval_store.answer(tx, second.id, at=NOW) is None


def test_questions_about_other_things_stand_side_by_side(tx: Transaction) -> None:
    asked = [ask(tx), ask(tx, message_id=None), ask(tx, message_id=501)]
    assert {question.revision for question in asked} == {1}
    assert len(approval_store.open_questions(tx)) == 3


def test_an_older_look_for_another_purpose_never_comes_after_a_newer_one(tx: Transaction) -> None:
    older, newer = ask(tx), ask(tx, purpose="start")
    assert approval_store.answer(tx, older.id, at=NOW) is None
    assert approval_store.answer(tx, newer.id, at=NOW) is not None


def test_a_job_is_known_to_be_asked_about_until_it_is_answered(tx: Transaction) -> None:
    job = make_job(tx)
    asked = approval_store.ask(
        tx, job_id=job.id, message_id=500, people=[], purpose="start", at=NOW
    )
    assert approval_store.has_open_question(tx, job.id)
    approval_store.answer(tx, asked.id, at=NOW)
    assert not approval_store.has_open_question(tx, job.id)


def test_asking_again_after_an_answer_is_a_new_revision(tx: Transaction) -> None:
    approval_store.answer(tx, ask(tx).id, at=NOW)
    assert ask(tx).revision == 2


def test_a_plan_is_known_by_its_message_in_its_epoch_alone(tx: Transaction) -> None:
    make_request(tx)
    assert approval_store.is_plan(tx, 500)
    assert not approval_store.is_plan(tx, 501)
    epochs.begin(tx, same_server=True, reason="test", actor="bot", at=after(4))
    assert not approval_store.is_plan(tx, 500), "another message has that number now"
