"""Holds and maintenance windows: what waits, for what, until when, and over restarts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from handlers import registry
from handlers.contract import Effect
from jobs.waiting import HELD
from state import hold_store
from state.hold_store import Hold
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL)


@pytest.fixture(autouse=True)
def nothing_is_held(talk: Conversation) -> Iterator[None]:
    yield
    for hold in holds(talk):
        talk.hear(talk.stage.cast.iago, f"hold end {hold.id}")


def holds(talk: Conversation) -> list[Hold]:
    return talk.read(hold_store.open_holds)


def test_a_hold_begins_is_listed_and_ends_by_itself(talk: Conversation, cast: Cast) -> None:
    answer = talk.hear(cast.iago, "hold for 2h because the exams `go on`")
    assert answer.startswith("Until <time:")
    assert "nothing disruptive or destructive starts, because `` the exams `go on` ``" in answer
    (hold,) = holds(talk)
    assert (hold.asker_id, hold.why) == (cast.iago.id, "the exams `go on`")
    talk.restart_bot()
    listed = talk.hear(cast.hamlet, "holds")
    assert f"- Hold #{hold.id} until <time:" in listed
    assert "by @_**Iago|" in listed

    talk.let_pass(2 * HOUR)
    talk.until(lambda: not holds(talk), "it ends")
    talk.settled()
    told = talk.stage.zulip.messages(cast.ops, "holds")[-1].content
    assert told.startswith(f"Hold #{hold.id} (`` the exams `go on` ``) has ended.")
    assert "There is no hold" in talk.hear(cast.hamlet, "holds")


def test_what_is_routine_goes_on_during_a_hold(talk: Conversation, cast: Cast) -> None:
    talk.hear(cast.iago, "hold for 2h because of exams, because they said so")
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    talk.reached(job.id, "succeeded")


def test_somebody_ends_a_hold_before_its_time(talk: Conversation, cast: Cast) -> None:
    talk.hear(cast.iago, "hold until 23:59 because one")
    talk.hear(cast.desdemona, "hold for 3d because two")
    first, second = sorted(holds(talk), key=lambda hold: hold.id)
    assert "There is more than one hold; say which: " in talk.hear(cast.iago, "hold end")
    assert "There is still 1 other hold." in talk.hear(cast.iago, f"hold end {first.id}")
    assert f"There is no hold #{first.id} in force" in talk.hear(cast.iago, f"hold end {first.id}")
    assert "is ended by @_**Iago|" in talk.hear(cast.iago, "hold end")
    assert "There is no hold." in talk.hear(cast.iago, f"hold end {second.id}")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("hold until Mon 06:00", "A hold needs a reason: say `because` and why."),
        ("hold until because why", "is no time that I understand"),
        ("hold until Mon 25:00 because why", "`Mon 25:00` is no time that I understand."),
        ("hold until 2001-01-01T06:00 because why", "That time is over already."),
        ("hold for ever because why", "`ever` is no length of time that I understand."),
        ("hold for 15d because why", "A hold lasts 14 days at most"),
        ("hold until", "`hold until` needs a time"),
        ("hold end x", "`hold end` needs the hold's number"),
    ],
)
def test_what_is_no_hold_is_refused(
    talk: Conversation, cast: Cast, command: str, answer: str
) -> None:
    assert answer in talk.hear(cast.iago, command)
    assert holds(talk) == []


def test_a_hold_needs_the_right_to_what_is_routine(talk: Conversation, cast: Cast) -> None:
    assert "You may not run `hold for 2h" in talk.hear(cast.hamlet, "hold for 2h because why")
    assert holds(talk) == []


def test_a_hold_stops_what_disrupts_or_destroys() -> None:
    assert {Effect.DISRUPTIVE, Effect.DESTRUCTIVE} == HELD
    assert all(one.effect not in HELD for one in registry.DECLARATIONS if not one.touches_host)
