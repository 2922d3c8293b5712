"""What decisions need is read afresh, and in doubt it is unreadable."""

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.demo.zulip.faults import Fault, Trouble
from bot.demo.zulip.model.people import Role
from bot.events import Event, Observed
from bot.observations import (
    Gone,
    HealthQuestion,
    HealthSeen,
    MessageQuestion,
    MessageSeen,
    Observation,
    PersonQuestion,
    PersonSeen,
    PlaceQuestion,
    PlaceSeen,
    Question,
    Unreadable,
)
from bot.reader import Reader
from tests.bot.stage import RealTime, Stage, stage

CLOCK = RealTime()


class Desk:
    """Stands for the dispatcher: keeps the answers."""

    def __init__(self) -> None:
        self.answers: dict[int, Observation] = {}
        self.count = 0
        self.changed = threading.Condition()

    def deliver(self, event: Event) -> None:
        assert isinstance(event, Observed)
        with self.changed:
            self.answers[event.question_id] = event.observation
            self.count += 1
            self.changed.notify_all()

    def wait_for(self, question_id: int, seconds: float = 5) -> Observation:
        with self.changed:
            assert self.changed.wait_for(lambda: question_id in self.answers, seconds)
            return self.answers[question_id]


class Questioner:
    """Asks a reader and waits for its answers."""

    def __init__(self, world: Stage) -> None:
        self.world = world
        self.desk = Desk()
        self.reader = Reader(world.client(), CLOCK, self.desk.deliver)
        self.reader.start()
        self.asked = 0

    def begin(self, question: Question, patience: timedelta = timedelta(seconds=5)) -> int:
        self.asked += 1
        self.reader.ask(self.asked, question, CLOCK.now() + patience)
        return self.asked

    def ask(self, question: Question, patience: timedelta = timedelta(seconds=5)) -> Observation:
        return self.desk.wait_for(self.begin(question, patience))


@pytest.fixture
def world() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def someone(world: Stage) -> Iterator[Questioner]:
    made = Questioner(world)
    yield made
    assert made.reader.stop()


def test_person_is_read_as_they_are_now(someone: Questioner, world: Stage) -> None:
    hamlet = world.cast.hamlet
    world.zulip.change_role(hamlet, Role.ADMINISTRATOR)
    world.zulip.deactivate(hamlet)
    before = CLOCK.now()
    observation = someone.ask(PersonQuestion(hamlet.id))
    assert isinstance(observation.seen, PersonSeen)
    person = observation.seen.person
    assert person is not None
    assert (person.id, person.is_admin, person.is_active) == (hamlet.id, True, False)
    assert before <= observation.fetch_started_at <= observation.fetch_ended_at <= CLOCK.now()
    assert observation.question == PersonQuestion(hamlet.id)


def test_unknown_person_is_nobody(someone: Questioner) -> None:
    assert someone.ask(PersonQuestion(999_999)).seen == PersonSeen(None)


def test_message_comes_with_its_reactions_and_voters(someone: Questioner, world: Stage) -> None:
    cast = world.cast
    message_id = world.zulip.post(cast.bot, "ops", "t", "the plan: ✔")
    world.zulip.react(cast.iago, message_id, "check")
    world.zulip.react(cast.polonius, message_id, "cross_mark")
    world.zulip.react(cast.hamlet, message_id, "eyes")
    seen = someone.ask(MessageQuestion(message_id)).seen
    assert isinstance(seen, MessageSeen)
    assert seen.content_sha256 == hashlib.sha256("the plan: ✔".encode()).hexdigest()
    assert set(seen.people) == {cast.iago.id, cast.polonius.id}
    assert seen.people[cast.polonius.id].is_guest
    # Nobody looks at 👀.
    assert len(seen.message.reactions) == 2
    assert not seen.message.edited
    only = someone.ask(MessageQuestion(message_id, frozenset({cast.iago.id, cast.cordelia.id})))
    assert isinstance(only.seen, MessageSeen)
    assert set(only.seen.people) == {cast.iago.id}


def test_edits_and_moves_of_a_message_are_seen(someone: Questioner, world: Stage) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "one")
    world.zulip.edit(world.cast.iago, message_id, "two")
    world.zulip.move(world.cast.iago, message_id, topic="u")
    seen = someone.ask(MessageQuestion(message_id)).seen
    assert isinstance(seen, MessageSeen)
    assert (seen.message.edited, seen.message.moved) == (True, True)
    assert someone.ask(PlaceQuestion(message_id)).seen == PlaceSeen(world.cast.ops.id, "u")


def test_deleted_message_is_gone(someone: Questioner, world: Stage) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "one")
    world.zulip.delete(world.cast.iago, message_id)
    assert isinstance(someone.ask(MessageQuestion(message_id)).seen, Gone)
    assert isinstance(someone.ask(PlaceQuestion(message_id)).seen, Gone)


@pytest.mark.parametrize(
    "trouble", [Trouble.BAD_GATEWAY, Trouble.SERVER_ERROR, Trouble.CUT, Trouble.HANG]
)
def test_what_cannot_be_read_in_time_is_unreadable(
    someone: Questioner, world: Stage, trouble: Trouble
) -> None:
    world.zulip.faults.plan(Fault(trouble), times=1000)
    began = time.monotonic()
    observation = someone.ask(PersonQuestion(world.cast.iago.id), timedelta(milliseconds=700))
    assert isinstance(observation.seen, Unreadable)
    assert time.monotonic() - began < 3


def test_voter_who_cannot_be_read_makes_the_whole_unreadable(
    someone: Questioner, world: Stage
) -> None:
    message_id = world.zulip.post(world.cast.bot, "ops", "t", "plan")
    world.zulip.react(world.cast.iago, message_id, "check")
    world.zulip.react(world.cast.hamlet, message_id, "cross_mark")
    path = f"*/users/{world.cast.hamlet.id}"
    world.zulip.faults.plan(Fault(Trouble.SERVER_ERROR, path=path), times=1000)
    seen = someone.ask(MessageQuestion(message_id), timedelta(milliseconds=500)).seen
    assert isinstance(seen, Unreadable)


def test_read_is_repeated_until_zulip_is_back(someone: Questioner, world: Stage) -> None:
    with world.zulip.outages.away():
        number = someone.begin(PersonQuestion(world.cast.iago.id))
        time.sleep(1.2)
    observation = someone.desk.wait_for(number)
    assert isinstance(observation.seen, PersonSeen)
    assert observation.fetch_ended_at - observation.fetch_started_at < timedelta(seconds=1)


def test_question_that_waits_holds_up_no_other(someone: Questioner, world: Stage) -> None:
    path = f"*/users/{world.cast.hamlet.id}"
    world.zulip.faults.plan(Fault(Trouble.BAD_GATEWAY, path=path), times=1000)
    waiting = [someone.begin(PersonQuestion(world.cast.hamlet.id)) for _ in range(10)]
    time.sleep(0.1)
    began = time.monotonic()
    seen = someone.ask(PersonQuestion(world.cast.iago.id)).seen
    assert isinstance(seen, PersonSeen)
    assert time.monotonic() - began < 2
    world.zulip.faults.clear()
    for number in waiting:
        assert isinstance(someone.desk.wait_for(number).seen, PersonSeen)
    assert someone.desk.count == 11, "one answer for each question"


def test_health_is_seen_once_and_within_a_second(someone: Questioner, world: Stage) -> None:
    healthy = someone.ask(HealthQuestion()).seen
    assert isinstance(healthy, HealthSeen)
    assert healthy.took is not None
    world.zulip.set_ready("PostgreSQL")
    ill = someone.ask(HealthQuestion()).seen
    assert isinstance(ill, HealthSeen)
    assert ill.took is None
    assert ill.why


def test_stop_is_quick_while_something_is_read(someone: Questioner, world: Stage) -> None:
    world.zulip.faults.plan(Fault(Trouble.HANG), times=10)
    for _ in range(5):
        someone.begin(PersonQuestion(world.cast.iago.id))
    time.sleep(0.2)
    began = time.monotonic()
    assert someone.reader.stop()
    assert time.monotonic() - began < 1.5


def test_of_many_questions_about_one_message_the_newest_is_answered(
    someone: Questioner, world: Stage
) -> None:
    message_id = world.zulip.post(world.cast.bot, "ops", "t", "the plan")
    path = f"/api/v1/messages/{message_id}"
    slow = Fault(Trouble.DELAY, path="/api/v1/users/*", wait=timedelta(milliseconds=500))
    # Each thread is busy for a while, so that the questions wait.
    world.zulip.faults.plan(slow, times=3)
    busy = [someone.begin(PersonQuestion(world.cast.iago.id)) for _ in range(3)]
    world.zulip.wait_until(lambda: world.zulip.faults.hits() == 3)
    asked = [someone.begin(MessageQuestion(message_id)) for _ in range(50)]
    someone.desk.wait_for(asked[-1])
    assert set(someone.desk.answers) <= {*busy, asked[-1]}
    assert len(world.zulip.calls("GET", path)) == 1
