"""The event loop: nothing lost between two queues, nothing twice, and quick to stop."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.zulip.faults import Fault, Trouble
from bot.events import (
    Connected,
    ConnectionLost,
    EpochEnded,
    Event,
    Evidence,
    MessageArrived,
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    PersonChanged,
    ReactionChanged,
    ServerRestarted,
    ZulipEvent,
    ZulipEvents,
)
from bot.identity import ServerIdentity
from bot.listener import Listener
from bot.receiving.catch_up import missed_messages
from bot.receiving.numbering import Known
from bot.receiving.perseverance import Patience
from bot.sending.pacing import Backoff
from bot.zulip_api.calls import Narrow
from bot.zulip_api.words import Message, Page
from state.cursor import Cursor
from state.seen_messages import SeenMessage
from tests.bot.stage import Stage, stage

SOON = timedelta(milliseconds=100)


class QuickBackoff(Backoff):
    """As the real one, a hundred times as fast."""

    def next_wait(self) -> timedelta:
        return super().next_wait() / 100


class Desk:
    """Stands for the dispatcher: commits each batch, and remembers everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.told: list[ZulipEvent] = []
        self.cursor: Cursor | None = None
        self.server: ServerIdentity | None = None
        self.refuse = 0
        self.silent = False
        self.changed = threading.Condition()

    def deliver(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            if isinstance(event, ZulipEvents) and not self.silent:
                if self.refuse:
                    self.refuse -= 1
                    event.receipt.refuse()
                else:
                    self.told += event.events
                    self.cursor = event.cursor
                    event.receipt.accept()
            self.changed.notify_all()

    def wait_until(self, holds: Callable[[], bool], seconds: float = 5) -> None:
        with self.changed:
            assert self.changed.wait_for(holds, seconds), self.events[-5:]

    def contents(self) -> list[str]:
        return [one.message.content for one in self.told if isinstance(one, MessageArrived)]

    def wait_for(self, content: str) -> MessageArrived:
        self.wait_until(lambda: content in self.contents())
        return next(
            one
            for one in self.told
            if isinstance(one, MessageArrived) and one.message.content == content
        )

    def known(self) -> Known:
        """What the dispatcher would have kept of it."""
        arrived = [one.message for one in self.told if isinstance(one, MessageArrived)]
        gone = {
            message_id
            for one in self.told
            if isinstance(one, MessagesDeleted)
            for message_id in one.message_ids
        }
        newest_first = sorted(arrived, key=lambda message: message.id, reverse=True)
        seen = [SeenMessage(m.id, m.sender_id, m.sent_at) for m in newest_first if m.id not in gone]
        return Known(self.server, seen)

    def of(self, kind: type[Event]) -> list[Event]:
        return [one for one in self.events if isinstance(one, kind)]

    def wait_connected(self, times: int = 1) -> None:
        self.wait_until(lambda: len(self.of(Connected)) >= times)


@pytest.fixture
def world() -> Iterator[Stage]:
    with stage(heartbeat=timedelta(milliseconds=200)) as made:
        yield made


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def run(world: Stage, desk: Desk) -> Iterator[Callable[..., Listener]]:
    started: list[Listener] = []

    def start(cursor: Cursor | None = None, silence: timedelta = timedelta(seconds=5)) -> Listener:
        patience = Patience(silence, slow_retry=SOON, pause=SOON / 5, backoff=QuickBackoff())
        listener = Listener(world.client(), "ops", desk.deliver, cursor, patience, known=desk.known)
        started.append(listener)
        listener.start()
        return listener

    yield start
    for listener in started:
        assert listener.stop()


def say(world: Stage, content: str) -> int:
    return world.zulip.post(world.cast.iago, "ops", "deploys", content)


def ended(desk: Desk) -> list[EpochEnded]:
    """The epochs that ended, as connecting told or a message did."""
    told = [one.epoch_ended for one in desk.events if isinstance(one, Connected)]
    alone = [one for one in desk.events if isinstance(one, EpochEnded)]
    return [one for one in told if one is not None] + alone


def connected(desk: Desk) -> list[bool]:
    return [one.complete for one in desk.events if isinstance(one, Connected)]


def test_events_come_in_our_words(world: Stage, desk: Desk, run: Callable[..., Listener]) -> None:
    run()
    desk.wait_connected()
    zulip, iago = world.zulip, world.cast.iago
    first = zulip.post(iago, "ops", "deploys", "@**ops** status")
    zulip.react(world.cast.hamlet, first, "check")
    zulip.edit(iago, first, "@**ops** help")
    zulip.move(iago, first, topic="elsewhere")
    zulip.rename(world.cast.hamlet, "Hamlet of Denmark")
    second = say(world, "short-lived")
    zulip.delete(iago, second)
    zulip.outages.restart(version=("10.4", 350))
    desk.wait_until(lambda: any(isinstance(one, ServerRestarted) for one in desk.told))
    told = [one for one in desk.told if not isinstance(one, MessageArrived)]
    assert told[:5] == [
        ReactionChanged(first, world.cast.hamlet.id),
        MessageEdited(first, "@**ops** help"),
        MessagesMoved((first,), world.cast.ops.id, "elsewhere"),
        PersonChanged(world.cast.hamlet.id),
        MessagesDeleted((second,)),
    ]
    arrived = desk.wait_for("@**ops** status")
    assert arrived.mentioned
    assert not arrived.from_catch_up
    assert desk.cursor is not None
    assert desk.cursor.zulip_version == "10.4"


def test_direct_messages_come_too(world: Stage, desk: Desk, run: Callable[..., Listener]) -> None:
    run()
    desk.wait_connected()
    world.zulip.post_direct(world.cast.iago, world.cast.bot, content="status")
    assert desk.wait_for("status").message.is_direct


def test_refused_batch_comes_again(world: Stage, desk: Desk, run: Callable[..., Listener]) -> None:
    run()
    desk.wait_connected()
    desk.wait_until(lambda: desk.cursor is not None)
    desk.refuse = 2
    say(world, "one")
    desk.wait_for("one")
    say(world, "two")
    desk.wait_for("two")
    assert desk.contents() == ["one", "two"]


def test_poll_goes_on_only_after_the_word_of_the_dispatcher(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    desk.wait_until(lambda: desk.cursor is not None)
    desk.silent = True
    say(world, "one")
    desk.wait_until(lambda: any(isinstance(one, ZulipEvents) and one.events for one in desk.events))
    world.zulip.forget_calls()
    time.sleep(0.3)
    assert world.zulip.calls("GET", "/api/v1/events") == []


def test_restarted_bot_goes_on_with_the_same_queue(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    first = run()
    desk.wait_connected()
    say(world, "before")
    desk.wait_for("before")
    first.stop()
    queue = desk.cursor and desk.cursor.queue_id
    message_id = say(world, "meanwhile")
    world.zulip.react(world.cast.hamlet, message_id, "check")
    run(desk.cursor)
    assert not desk.wait_for("meanwhile").from_catch_up
    desk.wait_until(lambda: ReactionChanged(message_id, world.cast.hamlet.id) in desk.told)
    assert desk.cursor is not None
    assert desk.cursor.queue_id == queue
    assert connected(desk) == [False, True]
    assert desk.contents() == ["before", "meanwhile"]


@pytest.mark.parametrize("bot_is_up", [True, False])
def test_messages_of_a_gap_come_exactly_once(
    world: Stage, desk: Desk, run: Callable[..., Listener], bot_is_up: bool
) -> None:
    listener = run()
    desk.wait_connected()
    say(world, "before")
    desk.wait_for("before")
    if not bot_is_up:
        listener.stop()
    with world.zulip.outages.away(keep_queues=False):
        in_channel = say(world, "in the channel")
        world.zulip.post_direct(world.cast.iago, world.cast.bot, content="directly")
        world.zulip.add_channel("far", creator=world.cast.iago)
        world.zulip.post(world.cast.iago, "far", "t", "@**ops** mentioned elsewhere")
        assert in_channel
    if not bot_is_up:
        run(desk.cursor)
    assert desk.wait_for("in the channel").from_catch_up
    assert desk.wait_for("directly").from_catch_up
    say(world, "after")
    assert not desk.wait_for("after").from_catch_up
    found = desk.contents()
    assert len(found) == len(set(found))
    assert connected(desk)[-1] is False


def test_pruned_events_are_read_by_id(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    first = run()
    desk.wait_connected()
    say(world, "one")
    desk.wait_for("one")
    old = desk.cursor
    say(world, "two")
    say(world, "three")
    desk.wait_for("three")
    first.stop()
    assert old is not None
    run(old)
    desk.wait_until(lambda: len(desk.contents()) >= 5)
    assert desk.contents() == ["one", "two", "three", "two", "three"], "again from the old cursor"


def test_catch_up_that_was_broken_off_begins_again(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    first = run()
    desk.wait_connected()
    say(world, "seen")
    desk.wait_for("seen")
    first.stop()
    world.zulip.outages.lose_queues()
    say(world, "missed")
    desk.silent = True
    second = run(desk.cursor)
    desk.wait_until(
        lambda: any(
            isinstance(one, ZulipEvents)
            and any(
                isinstance(arrived, MessageArrived) and arrived.from_catch_up
                for arrived in one.events
            )
            for one in desk.events
        )
    )
    assert second.stop()
    desk.silent = False
    run(desk.cursor)
    desk.wait_for("missed")
    assert desk.contents() == ["seen", "missed"]


def test_a_queue_that_is_lost_before_there_was_any_message_loses_none(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    first = run(desk.cursor)
    desk.wait_until(lambda: desk.cursor is not None)
    first.stop()
    world.zulip.outages.lose_queues()
    say(world, "the first ever")
    run(desk.cursor)
    desk.wait_for("the first ever")


def test_events_that_come_twice_are_told_once(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    world.zulip.outages.duplicate_events(2)
    say(world, "one")
    desk.wait_for("one")
    world.zulip.outages.redeliver(world.cast.bot, times=2)
    say(world, "two")
    say(world, "three")
    desk.wait_for("three")
    assert desk.contents() == ["one", "two", "three"]


def test_restart_of_the_server_loses_nothing(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    desk.wait_until(lambda: desk.cursor is not None)
    with world.zulip.outages.away(refused=True):
        say(world, "while it was away")
        desk.wait_until(lambda: bool(desk.of(ConnectionLost)))
    assert not desk.wait_for("while it was away").from_catch_up
    assert connected(desk) == [False, True]
    assert len(desk.of(ConnectionLost)) == 1


def test_silence_makes_a_new_connection(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run(silence=timedelta(milliseconds=400))
    desk.wait_connected()
    world.zulip.faults.plan(Fault(Trouble.HANG, path="*/events"))
    desk.wait_until(lambda: bool(desk.of(ConnectionLost)))
    desk.wait_connected(2)
    say(world, "after")
    desk.wait_for("after")


def test_heartbeats_keep_the_line_and_move_the_cursor(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run(silence=timedelta(milliseconds=600))
    desk.wait_connected()
    desk.wait_until(lambda: desk.cursor is not None and desk.cursor.last_event_id >= 3)
    assert desk.of(ConnectionLost) == []


def test_bot_that_starts_first_waits_for_the_server(
    world: Stage, desk: Desk, run: Callable[..., Listener], caplog: pytest.LogCaptureFixture
) -> None:
    world.zulip.outages.refuse_connections()
    run()
    desk.wait_until(lambda: bool(desk.of(ConnectionLost)))
    time.sleep(0.3)
    assert len([one for one in caplog.records if "Trying again" in one.message]) == 1
    world.zulip.outages.come_back()
    desk.wait_connected()


def test_refused_key_is_told_loudly_and_tried_again(
    world: Stage, desk: Desk, run: Callable[..., Listener], caplog: pytest.LogCaptureFixture
) -> None:
    world.zulip.deactivate(world.cast.bot)
    run()
    desk.wait_until(lambda: bool(desk.of(ConnectionLost)))
    assert [one.levelname for one in caplog.records if "key" in one.message] == ["CRITICAL"]
    world.zulip.reactivate(world.cast.bot)
    desk.wait_connected()


def test_rate_limit_is_obeyed(world: Stage, desk: Desk, run: Callable[..., Listener]) -> None:
    wait = timedelta(seconds=1)
    world.zulip.faults.plan(Fault(Trouble.RATE_LIMITED, path="*/register", wait=wait))
    began = time.monotonic()
    run()
    desk.wait_connected()
    assert time.monotonic() - began >= 0.9


def test_ids_that_went_backwards_end_the_epoch(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    kept = say(world, "in the backup")
    lost = say(world, "after the backup")
    desk.wait_for("after the backup")
    world.zulip.outages.restore_backup(kept)
    desk.wait_connected(2)
    # Nothing else is written, so only a message of our own can tell.
    assert ended(desk) == [EpochEnded(Evidence.WENT_BACK, lost, lost, resume_after=kept)]
    say(world, "after the restore")
    desk.wait_for("after the restore")


def test_a_number_that_is_given_out_again_is_proof_whatever_came_since(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    kept = say(world, "in the backup")
    lost = say(world, "after the backup")
    desk.wait_for("after the backup")
    world.zulip.outages.go_down()
    world.zulip.outages.rewind_message_ids(kept)
    world.zulip.clock.advance(timedelta(minutes=5))
    assert say(world, "one") == lost
    say(world, "two")
    world.zulip.outages.come_back(keep_queues=False)
    desk.wait_for("two")
    assert ended(desk) == [EpochEnded(Evidence.REUSED, lost, lost, resume_after=kept)]
    assert desk.contents()[-2:] == ["one", "two"], "what was written since is not lost"


def test_restore_behind_a_queue_that_lives_ends_the_epoch(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    kept = say(world, "in the backup")
    lost = say(world, "after the backup")
    desk.wait_for("after the backup")
    world.zulip.outages.rewind_message_ids(kept)
    world.zulip.clock.advance(timedelta(minutes=5))
    say(world, "after the restore")
    desk.wait_for("after the restore")
    assert ended(desk) == [EpochEnded(Evidence.REUSED, lost, lost, resume_after=kept)]


@pytest.mark.parametrize("deleted", [1, 3])
def test_newest_messages_that_people_deleted_end_no_epoch(
    world: Stage, desk: Desk, run: Callable[..., Listener], deleted: int
) -> None:
    first = run()
    desk.wait_connected()
    say(world, "stays")
    ids = [say(world, f"deleted {number}") for number in range(deleted)]
    desk.wait_for(f"deleted {deleted - 1}")
    assert first.stop()
    for message_id in ids:
        world.zulip.delete(world.cast.iago, message_id)
    world.zulip.outages.lose_queues()
    said = say(world, "meanwhile") if deleted == 1 else 0
    run(desk.cursor)
    desk.wait_connected(2)
    say(world, "later")
    desk.wait_for("later")
    assert ended(desk) == []
    assert desk.contents().count("meanwhile") == (1 if said else 0)


def test_the_newest_message_deleted_under_the_eyes_of_the_bot_ends_no_epoch(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    say(world, "stays")
    gone = say(world, "deleted")
    world.zulip.delete(world.cast.iago, gone)
    desk.wait_until(lambda: MessagesDeleted((gone,)) in desk.told)
    world.zulip.outages.restart(keep_queues=False)
    desk.wait_connected(2)
    say(world, "later")
    desk.wait_for("later")
    assert ended(desk) == []


def test_another_organization_ends_the_epoch(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    first = run()
    desk.wait_connected()
    seen = say(world, "seen")
    desk.wait_for("seen")
    assert first.stop()
    desk.server = ServerIdentity(world.zulip.url, 1)
    run(desk.cursor)
    desk.wait_connected(2)
    assert ended(desk) == [EpochEnded(Evidence.OTHER_SERVER, seen, None, resume_after=seen)]


def test_counting_is_repeated_until_the_server_answers(
    world: Stage, desk: Desk, run: Callable[..., Listener]
) -> None:
    run()
    desk.wait_connected()
    kept = say(world, "in the backup")
    lost = say(world, "after the backup")
    desk.wait_for("after the backup")
    bot = world.cast.bot.email
    away = Fault(Trouble.BAD_GATEWAY, method="POST", path="/api/v1/messages", user=bot)
    world.zulip.faults.plan(away, times=2)
    world.zulip.outages.restore_backup(kept)
    desk.wait_connected(2)
    assert ended(desk) == [EpochEnded(Evidence.WENT_BACK, lost, lost, resume_after=kept)]


@pytest.mark.parametrize("moment", ["polling", "connecting", "waiting for a word"])
def test_stop_is_quick(world: Stage, desk: Desk, run: Callable[..., Listener], moment: str) -> None:
    if moment == "connecting":
        world.zulip.faults.plan(Fault(Trouble.HANG), times=10)
    desk.silent = moment == "waiting for a word"
    listener = run()
    if moment != "connecting":
        desk.wait_connected()
    time.sleep(0.2)
    assert listener.stop(timedelta(seconds=1))


# Reading by id what was missed.


def message(message_id: int) -> Message:
    return replace(SAMPLE, id=message_id)


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_missed_messages_come_once_and_in_order_whatever_the_page_size(page_size: int) -> None:
    sources: dict[Narrow, list[int]] = {
        (("channel", 4),): [2, 3, 5, 8, 9, 12, 20],
        (("is", "dm"),): [4, 7, 21, 22],
        (("is", "mentioned"),): [3, 9, 10],
    }

    def read(after_id: int, narrow: Narrow) -> Page:
        newer = [one for one in sources[narrow] if one > after_id]
        return Page(tuple(map(message, newer[:page_size])), len(newer) <= page_size)

    batches = list(missed_messages(read, 2, tuple(sources)))
    found = [one.id for batch in batches for one in batch]
    assert found == [3, 4, 5, 7, 8, 9, 10, 12, 20, 21, 22]


SAMPLE = Message(
    id=0,
    sender_id=1,
    sender_name="Iago",
    sender_realm="",
    channel_id=4,
    topic="t",
    participants=(),
    content="x",
    client="website",
    sent_at=datetime(2026, 11, 23, tzinfo=UTC),
    mentioned=False,
    reactions=(),
    changes=(),
    edited=False,
    moved=False,
)
