"""A sender is looked up as often as their commands demand, and no oftener."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.deciding.askers import (
    KNOWN_FOR,
    KNOWN_TO_REFUSE,
    LOOKS_A_MINUTE,
    LOST_AFTER,
    Askers,
    counts,
)
from bot.observations import Observation, PersonQuestion, PersonSeen, Unreadable
from handlers.errors import Reason
from state.inbox import Entry

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IAGO = 5
ENTRY = Entry(
    id=1,
    origin="chat",
    source_key="chat/1/1",
    epoch=1,
    message_id=1,
    sender_id=IAGO,
    sender_name="Iago",
    content="whoami",
    content_sha256="",
    channel_id=1,
    topic="t",
    direct=False,
    client="website",
    sent_at=NOON,
    received_at=NOON,
    refusal=None,
    status="received",
    reason=None,
    job_id=None,
    answered_at=None,
)
ANOTHER = replace(ENTRY, id=2)
MOMENT = timedelta(milliseconds=1)


def look(began_at: datetime) -> Observation:
    return Observation(PersonQuestion(IAGO), PersonSeen(None), began_at, began_at)


def test_what_can_change_something_is_decided_on_a_look_that_began_later() -> None:
    for now in (NOON, NOON + timedelta(hours=1)):
        assert counts(look(NOON), ENTRY, now, only_reads=False)
        assert not counts(look(NOON - MOMENT), ENTRY, now, only_reads=False)


def test_what_only_reads_may_be_decided_on_a_look_some_seconds_old() -> None:
    assert counts(look(NOON - KNOWN_FOR), ENTRY, NOON, only_reads=True)
    assert not counts(look(NOON - KNOWN_FOR - MOMENT), ENTRY, NOON, only_reads=True)


def test_what_is_refused_anyway_costs_no_further_look() -> None:
    refused = replace(ENTRY, refusal=Reason.TOO_MANY.value)
    assert counts(look(NOON - KNOWN_TO_REFUSE), refused, NOON, only_reads=True)
    assert not counts(look(NOON - KNOWN_TO_REFUSE - MOMENT), refused, NOON, only_reads=True)


def test_a_look_under_way_is_waited_for_by_what_only_reads() -> None:
    askers = Askers()
    assert not askers.is_asked(ENTRY, NOON, only_reads=True)
    askers.ask(ENTRY, NOON)
    assert askers.is_asked(ANOTHER, NOON, only_reads=True)
    assert not askers.is_asked(ANOTHER, NOON, only_reads=False)
    askers.seen(IAGO, look(NOON))
    assert not askers.is_asked(ANOTHER, NOON, only_reads=True)


def test_a_look_is_used_again_when_there_are_many_and_for_what_is_refused() -> None:
    askers = Askers()
    askers.seen(IAGO, look(NOON))
    refused = replace(ENTRY, refusal=Reason.TOO_MANY.value)
    assert askers.known(ENTRY, NOON, only_reads=True) is None
    assert askers.known(refused, NOON, only_reads=True) == look(NOON)
    for _ in range(LOOKS_A_MINUTE):
        askers.ask(ENTRY, NOON)
    assert askers.known(ENTRY, NOON, only_reads=True) == look(NOON)
    assert askers.known(replace(ENTRY, received_at=NOON + MOMENT), NOON, only_reads=False) is None


def test_a_look_that_was_used_before_ends_no_other() -> None:
    askers = Askers()
    askers.seen(IAGO, look(NOON))
    askers.ask(ENTRY, NOON + MOMENT)
    askers.seen(IAGO, look(NOON - MOMENT))
    assert askers.is_asked(ANOTHER, NOON + MOMENT, only_reads=True)
    refused = replace(ENTRY, refusal=Reason.TOO_MANY.value)
    assert askers.known(refused, NOON, only_reads=True) == look(NOON)


def test_a_look_that_is_lost_is_not_waited_for() -> None:
    askers = Askers()
    askers.ask(ENTRY, NOON)
    assert not askers.is_asked(ANOTHER, NOON + LOST_AFTER, only_reads=True)
    assert not askers.is_asked(ENTRY, NOON, only_reads=True), "its transaction was undone"


def test_nobody_is_known_by_a_look_that_failed() -> None:
    askers = Askers()
    askers.seen(IAGO, replace(look(NOON), seen=Unreadable("502")))
    assert askers.known(ENTRY, NOON, only_reads=True) is None
    assert askers.known(replace(ENTRY, sender_id=6), NOON, only_reads=True) is None


def crowded(*, at: datetime = NOON, looks: int = LOOKS_A_MINUTE) -> Askers:
    askers = Askers()
    for number in range(looks):
        askers.ask(replace(ENTRY, sender_id=100 + number), at)
    askers.seen(IAGO, look(NOON))
    return askers


def test_so_many_looks_in_a_minute_are_a_crowd_and_one_less_is_none() -> None:
    assert crowded().known(ENTRY, NOON, only_reads=True) == look(NOON)
    few = crowded(looks=LOOKS_A_MINUTE - 1)
    assert few.known(ENTRY, NOON, only_reads=True) is None


def test_a_crowd_is_over_after_a_minute() -> None:
    """Which begins with each look, not with the first."""
    minute = timedelta(minutes=1)
    early = crowded(at=NOON - minute)
    assert early.known(ENTRY, NOON, only_reads=True) == look(NOON)
    assert crowded(at=NOON - minute - MOMENT).known(ENTRY, NOON, only_reads=True) is None


def test_a_command_of_nobody_is_nobodys() -> None:
    nobody = replace(ENTRY, sender_id=None, refusal=Reason.TOO_MANY.value)
    askers = Askers()
    askers.seen(0, look(NOON))
    assert askers.known(nobody, NOON, only_reads=True) == look(NOON)
    askers.seen(1, look(NOON))
    askers.ask(replace(ENTRY, sender_id=1), NOON)
    assert not askers.is_asked(replace(nobody, id=2), NOON, only_reads=True)
    with pytest.raises(AssertionError):
        askers.ask(nobody, NOON)


def test_a_newer_look_takes_the_place_of_an_older_and_not_the_other_way() -> None:
    refused = replace(ENTRY, refusal=Reason.TOO_MANY.value)
    askers = Askers()
    askers.seen(IAGO, look(NOON))
    askers.seen(IAGO, look(NOON + MOMENT))
    assert askers.known(refused, NOON, only_reads=True) == look(NOON + MOMENT)
    same = replace(look(NOON + MOMENT), fetch_ended_at=NOON + timedelta(seconds=1))
    askers.seen(IAGO, same)
    assert askers.known(refused, NOON, only_reads=True) == look(NOON + MOMENT)


def test_the_look_that_was_asked_for_ends_the_waiting() -> None:
    askers = Askers()
    askers.ask(ENTRY, NOON)
    askers.seen(IAGO, look(NOON + MOMENT))
    assert not askers.is_asked(ANOTHER, NOON + MOMENT, only_reads=True)
    askers.seen(77, look(NOON))
    askers.ask(ENTRY, NOON)
    assert askers.is_asked(ANOTHER, NOON + LOST_AFTER - MOMENT, only_reads=True)


def test_in_a_crowd_what_only_reads_is_decided_on_a_look_before_it() -> None:
    later = replace(ENTRY, received_at=NOON + KNOWN_FOR)
    known = crowded()
    assert known.known(later, NOON + KNOWN_FOR, only_reads=True) == look(NOON)
    assert known.known(later, NOON + KNOWN_FOR, only_reads=False) is None
    assert known.known(later, NOON + KNOWN_FOR + MOMENT, only_reads=True) is None
