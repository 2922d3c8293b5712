"""What was seen in Zulip is told to the rules as it is, and what was not seen as a no."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.deciding.looking import observation_of, voter, words_of
from bot.reader import content_sha256
from bot.zulip_api.words import CROSS, Message
from jobs.consent_rules import YOUNGEST_APPROVER, Observation, Source, SourceSeen, Vote, Voter
from jobs.engine import Consent
from state.approval_store import Request
from state.job_store import Job
from tests.bot.deciding.waiting_plan import (
    BOT,
    CARD,
    COMMAND,
    DESDEMONA,
    GONE,
    HAMLET,
    IAGO,
    NOW,
    PLAN_TEXT,
    UNREADABLE,
    WORDS,
    Desk,
    card_look,
    card_seen,
    command_seen,
    look,
    message,
    message_seen,
    person,
    reaction,
)

POLICY = "p" * 64
SPOKEN, SAID = 501, "@ops approve 1"


@pytest.fixture
def job(desk: Desk) -> Job:
    return desk.waiting()


@pytest.fixture
def request_(desk: Desk, job: Job) -> Request:
    return desk.request(job)


def test_all_that_consent_hangs_on_is_told(job: Job, request_: Request) -> None:
    seen = card_look(reaction(DESDEMONA), reaction(HAMLET, CROSS))
    usual = Voter(is_human=True, is_active=True, is_guest=False)
    command = SourceSeen(COMMAND, IAGO, content_sha256(WORDS), edited=False, moved=False)

    assert observation_of(seen, request_, job, POLICY) == Observation(
        epoch=1,
        message_id=CARD,
        sender_id=BOT,
        content_sha256=content_sha256(PLAN_TEXT),
        edited=False,
        moved=False,
        reactions=(
            Vote(DESDEMONA, "2705", "unicode_emoji"),
            Vote(HAMLET, "274c", "unicode_emoji"),
        ),
        people=dict.fromkeys((IAGO, DESDEMONA, HAMLET, 13), usual),
        fetch_started_at=seen.fetch_started_at,
        fetch_ended_at=seen.fetch_ended_at,
        unreadable=False,
        gone=False,
        command=command,
        spoken=frozenset(),
        policy_sha256=POLICY,
    )


@pytest.mark.parametrize("change", ["edited", "moved"])
def test_what_was_changed_is_told(job: Job, request_: Request, change: str) -> None:
    changed = message_seen(card_seen(**{change: True}))
    plan = observation_of(look(changed), request_, job, POLICY)
    assert {name for name in ("edited", "moved") if getattr(plan, name)} == {change}

    changed = message_seen(card_seen(), {COMMAND: command_seen(**{change: True})})
    command = observation_of(look(changed), request_, job, POLICY).command
    assert command is not None
    assert {name for name in ("edited", "moved") if getattr(command, name)} == {change}


def test_of_a_plan_that_is_gone_nothing_else_is_known(job: Job, request_: Request) -> None:
    assert observation_of(GONE, request_, job, POLICY) == Observation(
        epoch=1,
        message_id=CARD,
        sender_id=0,
        content_sha256="",
        edited=False,
        moved=False,
        reactions=(),
        people={},
        fetch_started_at=GONE.fetch_started_at,
        fetch_ended_at=GONE.fetch_ended_at,
        unreadable=False,
        gone=True,
        command=None,
        spoken=frozenset(),
        policy_sha256=POLICY,
    )


def test_what_could_not_be_read_is_not_gone(job: Job, request_: Request) -> None:
    found = observation_of(UNREADABLE, request_, job, POLICY)
    assert found == replace(
        observation_of(GONE, request_, job, POLICY), unreadable=True, gone=False
    )


def test_a_plan_that_has_no_message_yet_is_no_message(job: Job, request_: Request) -> None:
    unsent = replace(request_, message_id=None)
    assert observation_of(card_look(), unsent, job, POLICY).message_id == 0


def test_a_deleted_command_is_gone_and_one_that_was_not_read_unknown(
    job: Job, request_: Request
) -> None:
    gone = observation_of(look(message_seen(card_seen(), {COMMAND: None})), request_, job, POLICY)
    assert gone.command == SourceSeen(COMMAND, 0, "", edited=False, moved=False, gone=True)
    unread = observation_of(look(message_seen(card_seen(), {})), request_, job, POLICY)
    assert unread.command is None


def test_a_job_without_a_command_in_zulip_has_none_to_look_at(job: Job, request_: Request) -> None:
    bare = replace(job, command_message_id=None)
    assert observation_of(card_look(), request_, bare, POLICY).command is None


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({}, Voter(is_human=True, is_active=True, is_guest=False)),
        ({"is_bot": True}, Voter(is_human=False, is_active=True, is_guest=False)),
        ({"is_active": False}, Voter(is_human=True, is_active=False, is_guest=False)),
        ({"is_guest": True}, Voter(is_human=True, is_active=True, is_guest=True)),
    ],
)
def test_the_rules_are_told_what_an_account_is(account: dict[str, Any], expected: Voter) -> None:
    assert voter(person(HAMLET, **account), NOW) == expected


@pytest.mark.parametrize(("seconds", "is_new"), [(-1, True), (0, False), (1, False)])
def test_an_account_is_new_for_a_week_before_the_look(
    job: Job, request_: Request, seconds: int, *, is_new: bool
) -> None:
    seen = card_look(reaction(HAMLET))
    joined_at = seen.fetch_started_at - YOUNGEST_APPROVER - timedelta(seconds=seconds)
    people = {HAMLET: person(HAMLET, joined_at=joined_at)}
    found = observation_of(
        look(message_seen(card_seen(reaction(HAMLET)), people=people)), request_, job, POLICY
    )
    assert found.people == {
        HAMLET: Voter(is_human=True, is_active=True, is_guest=False, is_new=is_new)
    }


def spoken(desk: Desk, job: Job) -> Request:
    said = {"message_id": SPOKEN, "user_id": HAMLET, "content_sha256": content_sha256(SAID)}
    other = {"message_id": 502, "user_id": DESDEMONA, "content_sha256": content_sha256(SAID)}
    return desk.change(job, spoken=[said, other])


def test_the_words_of_a_request_are_known_by_their_messages(desk: Desk, job: Job) -> None:
    assert words_of(spoken(desk, job)) == {
        SPOKEN: Source(SPOKEN, HAMLET, content_sha256(SAID)),
        502: Source(502, DESDEMONA, content_sha256(SAID)),
    }


def test_a_word_counts_while_its_message_is_what_it_was(desk: Desk, job: Job) -> None:
    others = {COMMAND: command_seen(), SPOKEN: message(SPOKEN, HAMLET, SAID)}
    found = observation_of(look(message_seen(card_seen(), others)), spoken(desk, job), job, POLICY)
    assert found.spoken == {HAMLET}


@pytest.mark.parametrize(
    "now",
    [
        None,
        message(SPOKEN, HAMLET, SAID, edited=True),
        message(SPOKEN, HAMLET, SAID, moved=True),
        message(SPOKEN, HAMLET, "@ops approve 2"),
        message(SPOKEN, DESDEMONA, SAID),
    ],
)
def test_a_word_whose_message_changed_counts_no_more(
    desk: Desk, job: Job, now: Message | None
) -> None:
    others = {COMMAND: command_seen(), SPOKEN: now}
    found = observation_of(look(message_seen(card_seen(), others)), spoken(desk, job), job, POLICY)
    assert found.spoken == frozenset()


def test_a_yes_in_the_command_is_the_askers_word(desk: Desk) -> None:
    job = desk.waiting(consent=Consent.YES)
    request = desk.request(job)
    seen = look(message_seen(command_seen(), {}))

    assert observation_of(seen, request, job, POLICY).spoken == {IAGO}
    nobody = replace(request, asker_id=None)
    assert observation_of(seen, nobody, job, POLICY).spoken == frozenset()
