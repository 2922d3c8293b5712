"""The outbox is delivered in order and exactly once, whatever the server answers."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.zulip.faults import Fault, Trouble
from bot.events import Event, RowDropped, RowSent
from bot.sender import Pace, Sender
from bot.sending.message_text import LONGEST_TEXT, clean, fit, in_parts, open_fence
from bot.sending.pacing import Allowance, Backoff
from bot.zulip_api.words import EYES, RESOLVED_PREFIX
from state import anchors, installation, job_store, outbox
from state.database import Database, open_database
from state.outbox import NewRow
from tests.bot.stage import RealTime, Stage, stage

SETTLE = timedelta(milliseconds=100)
POSTS = "/api/v1/messages"


class QuickBackoff(Backoff):
    """As the real one, a hundred times as fast."""

    def next_wait(self) -> timedelta:
        return super().next_wait() / 100


def render(kind: str, facts: Mapping[str, Any]) -> str:
    if kind == "file":
        return f"The log: [{facts['file_name']}]({facts['link']}), to its end."
    return str(facts["text"])


class Office:
    """A database with an outbox, and senders that deliver it."""

    def __init__(self, world: Stage, path: Path) -> None:
        self.world = world
        self.database: Database = open_database(path)
        self.told: list[Event] = []
        self._running: list[Sender] = []
        self._jobs = 0

    def sender(
        self, allowance: Allowance | None = None, backoff: type[Backoff] = QuickBackoff
    ) -> Sender:
        pace = Pace(
            settle=SETTLE,
            slow_retry=SETTLE,
            allowance=allowance or Allowance(100_000),
            backoff=backoff,
        )
        sender = Sender(
            self.world.client(), self.database, render, RealTime(), self.told.append, pace
        )
        self._running.append(sender)
        sender.start()
        return sender

    def close(self) -> None:
        for sender in self._running:
            assert sender.stop()
        self.database.close()

    def add(self, action: str, target: dict[str, Any], **named: Any) -> int:
        text = named.pop("text", "x")
        facts = named.pop("facts", {"text": text})
        row: dict[str, Any] = {"lane": "lane", "kind": "text", "priority": 2} | named
        with self.database.write() as tx:
            new = NewRow(
                action=action, target=target, facts=facts, created_at=datetime.now(UTC), **row
            )
            row_id = outbox.add(tx, new)
        for sender in self._running:
            sender.notify()
        return row_id

    def post(self, text: str, topic: str = "t", **named: Any) -> int:
        channel = self.world.cast.ops.id
        target = {"type": "topic", "channel_id": channel, "topic": topic}
        return self.add("post", target, text=text, **named)

    def job(self) -> int:
        self._jobs += 1
        with self.database.write() as tx:
            new = job_store.NewJob(
                epoch=1,
                operation="backup now",
                arguments={},
                command="backup now",
                effect="routine",
                status="planning",
                origin="user",
                asker_name="Iago",
                consent="none",
                nonce=str(self._jobs),
                created_at=datetime.now(UTC),
            )
            return job_store.create(tx, new, actor="test").id

    def status_of(self, row_id: int) -> str:
        with self.database.read() as tx:
            row = outbox.get(tx, row_id)
        assert row is not None
        return row.status

    def wait_until_empty(self, seconds: float = 10) -> None:
        give_up = time.monotonic() + seconds
        while True:
            with self.database.read() as tx:
                pending = outbox.count_pending(tx)
            if not pending:
                return
            assert time.monotonic() < give_up, f"{pending} rows are left"
            time.sleep(0.01)

    def said(self, topic: str | None = None) -> list[str]:
        bot = self.world.cast.bot.id
        return [
            one.content for one in self.world.zulip.messages("ops", topic) if one.sender_id == bot
        ]


@pytest.fixture
def world() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def office(world: Stage, tmp_path: Path) -> Iterator[Office]:
    made = Office(world, tmp_path / "state.db")
    yield made
    made.close()


def test_rows_of_a_lane_are_sent_in_order(office: Office) -> None:
    texts = [f"line {number}" for number in range(20)]
    rows = [office.post(text) for text in texts]
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == texts
    assert [one.row_id for one in office.told if isinstance(one, RowSent)] == rows


def test_row_is_sent_a_moment_after_it_was_committed(office: Office, world: Stage) -> None:
    office.sender()
    time.sleep(0.1)
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "@ops status")
    emoji = {"name": EYES.name, "code": EYES.code}
    target = {"type": "message", "message_id": message_id}
    began = time.monotonic()
    office.add("react", target, facts=emoji, kind="emoji", lane="m", priority=0)
    world.zulip.wait_until(
        lambda: world.zulip.messages()[-1].has_reaction(EYES.code, world.cast.bot.id)
    )
    assert time.monotonic() - began < 1, "without waiting for the next look round"


@pytest.mark.parametrize("after_effect", [True, False])
@pytest.mark.parametrize("trouble", [Trouble.BAD_GATEWAY, Trouble.SERVER_ERROR, Trouble.CUT])
def test_ambiguous_send_is_looked_up_before_it_is_repeated(
    office: Office, world: Stage, trouble: Trouble, after_effect: bool
) -> None:
    world.zulip.faults.plan(Fault(trouble, "POST", POSTS, after_effect=after_effect))
    office.post("once")
    office.post("then")
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == ["once", "then"]


def test_send_that_hangs_is_found_when_it_was_stored(office: Office, world: Stage) -> None:
    world.zulip.faults.plan(Fault(Trouble.HANG, "POST", POSTS, after_effect=True))
    office.post("once")
    sender = office.sender()
    world.zulip.wait_for(lambda one: one.content == "once")
    assert sender.stop(), "cutting the call short"
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == ["once"]


def test_hundred_messages_come_once_with_every_third_answer_ambiguous(
    office: Office, world: Stage
) -> None:
    dice = Random(7)
    troubles = (Trouble.BAD_GATEWAY, Trouble.SERVER_ERROR, Trouble.CUT)
    texts = {f"{lane}": [f"{lane}/{number}" for number in range(20)] for lane in range(5)}
    for number in range(20):
        for lane, lines in texts.items():
            office.post(lines[number], topic=lane, lane=lane)
    stop = threading.Event()

    def misbehave() -> None:
        # As many troubles as a third of the messages, however slow the machine is.
        while not stop.wait(0.005) and world.zulip.faults.hits() < 33:
            if world.zulip.faults.pending() == 0 and dice.random() < 0.3:
                after = dice.random() < 0.6
                world.zulip.faults.plan(
                    Fault(dice.choice(troubles), "POST", POSTS, after_effect=after)
                )

    # A daemon: a test that fails here must not keep the whole run from ending.
    nuisance = threading.Thread(target=misbehave, daemon=True)
    nuisance.start()
    office.sender()
    office.wait_until_empty(100)
    stop.set()
    nuisance.join()
    assert {lane: office.said(lane) for lane in texts} == texts
    assert world.zulip.faults.hits() >= 15


def test_send_left_behind_by_a_killed_process_is_looked_up(office: Office, world: Stage) -> None:
    sent, unsent = office.post("sent"), office.post("unsent", topic="u", lane="u")
    with office.database.write() as tx:
        for row_id in (sent, unsent):
            assert outbox.mark_sending(tx, row_id, datetime.now(UTC))
    world.zulip.post(world.cast.bot, "ops", "t", "sent")
    office.sender()
    office.wait_until_empty()
    assert office.said() == ["sent", "unsent"]


def test_message_that_was_moved_meanwhile_is_recognised(office: Office, world: Stage) -> None:
    row_id = office.post("sent")
    with office.database.write() as tx:
        outbox.mark_sending(tx, row_id, datetime.now(UTC))
    message_id = world.zulip.post(world.cast.bot, "ops", "t", "sent")
    world.zulip.move(world.cast.iago, message_id, topic="moved by a person")
    office.sender()
    office.wait_until_empty()
    assert office.said() == ["sent"]


def test_same_words_said_twice_are_two_messages(office: Office, world: Stage) -> None:
    office.sender()
    office.post("same")
    office.wait_until_empty()
    world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS))
    office.post("same")
    office.wait_until_empty()
    assert office.said("t") == ["same", "same"]


def test_ambiguous_direct_message_is_looked_up(office: Office, world: Stage) -> None:
    world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS, after_effect=True))
    target = {"type": "direct", "user_ids": [world.cast.iago.id]}
    office.add("post", target, text="for you")
    office.sender()
    office.wait_until_empty()
    assert [one.content for one in world.zulip.messages()] == ["for you"]


def test_order_is_kept_through_an_outage(office: Office, world: Stage) -> None:
    office.sender()
    with world.zulip.outages.away(refused=True):
        texts = [office.post(f"{number}") and f"{number}" for number in range(5)]
        time.sleep(0.1)
    office.wait_until_empty()
    assert office.said("t") == texts


class SlowBackoff(Backoff):
    """Waits for a minute at once."""

    def next_wait(self) -> timedelta:
        return timedelta(seconds=60)


def test_sender_goes_on_at_once_when_it_hears_that_zulip_is_back(
    office: Office, world: Stage
) -> None:
    sender = office.sender(backoff=SlowBackoff)
    with world.zulip.outages.away(refused=True):
        office.post("patient")
        time.sleep(0.3)
    time.sleep(0.1)
    assert office.said("t") == []
    sender.retry_now()
    office.wait_until_empty()
    assert office.said("t") == ["patient"]


def test_what_is_held_back_waits_until_it_hears_that_it_may_go_and_not_for_ever(
    office: Office,
) -> None:
    sender = office.sender()
    sender.hold_back(timedelta(minutes=2))
    office.post("what number is this?")
    time.sleep(0.3)
    assert office.said("t") == []
    sender.retry_now()
    office.wait_until_empty()
    sender.hold_back(timedelta(seconds=0.5))
    office.post("nobody told me")
    office.wait_until_empty()
    assert office.said("t") == ["what number is this?", "nobody told me"]


def test_what_it_hears_during_a_vain_attempt_shortens_the_pause_after_it(
    office: Office, world: Stage
) -> None:
    class HeardJustBefore(SlowBackoff):
        def next_wait(self) -> timedelta:
            sender.retry_now()
            return super().next_wait()

    sender = office.sender(backoff=HeardJustBefore)
    world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS))
    world.zulip.faults.plan(Fault(Trouble.BAD_GATEWAY, "GET", POSTS))
    office.post("patient")
    office.wait_until_empty()
    assert office.said("t") == ["patient"]


def test_rate_limit_of_the_server_is_obeyed(office: Office, world: Stage) -> None:
    wait = timedelta(seconds=1)
    world.zulip.faults.plan(Fault(Trouble.RATE_LIMITED, "POST", POSTS, wait=wait))
    office.post("late")
    began = time.monotonic()
    office.sender()
    office.wait_until_empty()
    assert time.monotonic() - began >= 0.9
    assert len(world.zulip.calls("POST", POSTS)) == 2


def test_own_allowance_is_never_exceeded(office: Office) -> None:
    for number in range(30):
        office.post(f"{number}", lane=f"{number}", priority=1)
    office.sender(Allowance(10))
    office.world.zulip.wait_until(lambda: len(office.said("t")) >= 10)
    time.sleep(0.3)
    assert len(office.said("t")) == 10


def test_refused_message_is_dropped_and_told_and_its_lane_goes_on(
    office: Office, world: Stage
) -> None:
    target = {"type": "topic", "channel_id": 9999, "topic": "t"}
    lost = office.add("post", target)
    office.post("next")
    office.sender()
    office.wait_until_empty()
    assert office.status_of(lost) == "dropped"
    assert office.said("t") == ["next"]
    assert [one.row_id for one in office.told if isinstance(one, RowDropped)] == [lost]


def test_facts_that_cannot_be_worded_are_dropped(office: Office) -> None:
    office.post("", facts={"other": 1})
    office.post("next")
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == ["next"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_reactions_are_idempotent(office: Office, world: Stage, moment: str) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "x")
    fault = Fault(Trouble.BAD_GATEWAY, "POST", "*/reactions", after_effect=moment == "after")
    world.zulip.faults.plan(fault)
    target = {"type": "message", "message_id": message_id}
    emoji = {"name": EYES.name, "code": EYES.code}
    row = office.add("react", target, facts=emoji, kind="emoji", lane="m", priority=0)
    office.sender()
    office.wait_until_empty()
    assert office.status_of(row) == "sent"
    office.add("unreact", target, facts=emoji, kind="emoji", lane="m", priority=0)
    office.add("unreact", target, facts=emoji, kind="emoji", lane="m", priority=0)
    office.wait_until_empty()
    assert world.zulip.messages()[-1].reactions == ()


def test_message_on_which_zulip_always_fails_holds_up_no_other(
    office: Office, world: Stage
) -> None:
    zulip, emoji = world.zulip, {"name": EYES.name, "code": EYES.code}
    ids = [zulip.post(world.cast.iago, "ops", "t", text) for text in ("bad", "good")]
    path = f"*/messages/{ids[0]}/reactions"
    zulip.faults.plan(Fault(Trouble.SERVER_ERROR, "POST", path), times=1000)
    rows = [
        office.add(
            "react",
            {"type": "message", "message_id": message_id},
            facts=emoji,
            kind="emoji",
            lane=f"message/{message_id}",
            priority=0,
        )
        for message_id in ids
    ]
    office.sender()
    zulip.wait_until(lambda: office.status_of(rows[1]) == "sent")
    assert office.status_of(rows[0]) == "new"


def test_slow_post_does_not_hold_up_a_reaction(office: Office, world: Stage) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "x")
    world.zulip.faults.plan(Fault(Trouble.DELAY, "POST", POSTS, wait=timedelta(seconds=2)))
    office.sender()
    office.post("slow")
    time.sleep(0.1)
    target = {"type": "message", "message_id": message_id}
    emoji = {"name": EYES.name, "code": EYES.code}
    office.add("react", target, facts=emoji, kind="emoji", lane="m", priority=0)
    seen = world.zulip.message
    world.zulip.wait_until(
        lambda: bool((found := seen(message_id)) and found.reactions), timedelta(seconds=1.5)
    )
    office.wait_until_empty()


# Where it goes.


def test_answer_follows_its_message_to_the_present_topic(office: Office, world: Stage) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "old", "@ops status")
    world.zulip.move(world.cast.iago, message_id, topic="new")
    with office.database.write() as tx:
        anchors.remember(tx, message_id, world.cast.ops.id, "old", datetime.now(UTC))
        anchors.doubt_all(tx)
    office.add("post", {"type": "anchor", "message_id": message_id}, text="answer")
    office.sender()
    office.wait_until_empty()
    assert office.said("new") == ["answer"]


@pytest.mark.parametrize("is_known", [True, False])
def test_job_goes_on_where_it_began_when_its_topic_is_moved_elsewhere(
    office: Office,
    world: Stage,
    is_known: bool,
) -> None:
    """Known from an event, or to be found out because events were missed."""
    zulip, cast = world.zulip, world.cast
    lobby = zulip.add_channel("lobby")
    zulip.subscribe(lobby, cast.desdemona, cast.bot)
    job_id = office.job()
    about_job = {"type": "job", "job_id": job_id}
    with office.database.write() as tx:
        installation.put(tx, "channel_id", str(cast.ops.id))
    office.post("first status", topic="backup now · #1", job_id=job_id, role="status")
    office.sender()
    office.wait_until_empty()
    (first,) = (one for one in zulip.messages("ops", "backup now · #1"))
    zulip.move(cast.desdemona, first.id, channel=lobby)
    with office.database.write() as tx:
        if is_known:
            anchors.move(tx, [first.id], lobby.id, "backup now · #1", datetime.now(UTC))
        else:
            anchors.doubt_all(tx)
    status = {"type": "job_status", "job_id": job_id}
    office.add("edit", status, text="next status", job_id=job_id, role="status")
    office.add("post", about_job, text="the end", job_id=job_id, role="end")
    office.add("resolve", about_job, kind="resolve", job_id=job_id)
    office.wait_until_empty()

    said = office.said("backup now · #1")
    assert [one.partition(")*")[2].strip() or one for one in said] == ["next status", "the end"]
    left = zulip.messages(lobby)
    assert [one.content for one in left if one.sender_id == cast.bot.id] == ["first status"]
    assert left[0].topic == "backup now · #1"


def test_answer_to_a_deleted_message_goes_where_it_last_was(office: Office, world: Stage) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "here", "@ops status")
    with office.database.write() as tx:
        anchors.remember(tx, message_id, world.cast.ops.id, "here", datetime.now(UTC))
        anchors.doubt_all(tx)
    world.zulip.delete(world.cast.iago, message_id)
    office.add("post", {"type": "anchor", "message_id": message_id}, text="answer")
    office.sender()
    office.wait_until_empty()
    assert office.said("here") == ["answer"]


def test_answer_to_a_direct_message_goes_to_its_people(office: Office, world: Stage) -> None:
    message_id = world.zulip.post_direct(world.cast.iago, world.cast.bot, content="status")
    office.add("post", {"type": "anchor", "message_id": message_id}, text="answer")
    office.sender()
    office.wait_until_empty()
    last = world.zulip.messages()[-1]
    assert (last.content, last.channel) == ("answer", None)
    assert last.participant_ids == {world.cast.iago.id, world.cast.bot.id}


def test_job_has_one_topic_which_is_resolved_and_still_found(office: Office) -> None:
    job_id = office.job()
    about_job = {"type": "job", "job_id": job_id}
    office.post("begin", topic="backup now · #1", job_id=job_id)
    office.add("resolve", about_job, kind="resolve", job_id=job_id)
    office.add("post", about_job, text="after", job_id=job_id)
    office.sender()
    office.wait_until_empty()
    name = RESOLVED_PREFIX + "backup now · #1"
    assert office.said(name) == ["begin", "after"]
    office.add("resolve", about_job, kind="resolve", job_id=job_id)
    office.wait_until_empty()
    assert office.said(name) == ["begin", "after"], "marked once"


def test_long_topic_is_cut_by_us(office: Office) -> None:
    office.post("x", topic="a" * 80)
    office.sender()
    office.wait_until_empty()
    assert office.said("a" * 59 + "…") == ["x"]


# Status messages.


def status(office: Office, job_id: int, text: str) -> int:
    target = {"type": "job_status", "job_id": job_id}
    return office.add("edit", target, text=text, job_id=job_id, role="status", priority=3)


def status_message(office: Office, job_id: int) -> int | None:
    with office.database.read() as tx:
        job = job_store.get(tx, job_id)
    assert job is not None
    return job.status_message_id


def test_first_status_is_posted_and_the_next_ones_edit_it(office: Office, world: Stage) -> None:
    job_id = office.job()
    office.post("begin", job_id=job_id)
    for text in ("step 1", "step 2", "step 2"):
        status(office, job_id, text)
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == ["begin", "step 2"]
    assert status_message(office, job_id) == world.zulip.messages("ops", "t")[-1].id
    assert not [one for one in office.told if isinstance(one, RowDropped)]


@pytest.mark.parametrize("reason", ["too late", "switched off", "deleted"])
@pytest.mark.parametrize("ambiguous", [False, True])
def test_new_status_message_takes_over_where_edits_are_refused(
    office: Office, world: Stage, reason: str, ambiguous: bool
) -> None:
    job_id = office.job()
    office.post("begin", job_id=job_id)
    status(office, job_id, "step 1")
    office.sender()
    office.wait_until_empty()
    old = status_message(office, job_id)
    assert old is not None
    if reason == "deleted":
        world.zulip.delete(world.cast.iago, old)
    elif reason == "switched off":
        world.zulip.allow_editing(allowed=False)
    else:
        world.zulip.set_edit_limit(timedelta(seconds=1))
        world.zulip.clock.advance(timedelta(minutes=2))
    if ambiguous:
        world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS, after_effect=True))
    status(office, job_id, "step 2")
    office.wait_until_empty()
    new = status_message(office, job_id)
    assert new not in (None, old)
    assert len([one for one in office.said("t") if one.endswith("step 2")]) == 1
    assert f"#narrow/id/{old}" in office.said("t")[-1]
    if reason == "switched off":
        world.zulip.allow_editing(allowed=True)
    status(office, job_id, "step 3")
    office.wait_until_empty()
    assert status_message(office, job_id) == new
    assert office.said("t")[-1].endswith("step 3")


def test_edit_of_something_never_sent_is_dropped(office: Office) -> None:
    row = office.add("edit", {"type": "sent", "outbox_id": 77}, text="x")
    office.sender()
    office.wait_until_empty()
    assert office.status_of(row) == "dropped"


# Files and long texts.


@pytest.mark.parametrize("ambiguous", [False, True])
def test_file_is_uploaded_and_linked_once(
    office: Office, world: Stage, tmp_path: Path, ambiguous: bool
) -> None:
    log = tmp_path / "output.log"
    log.write_text("line\n" * 10)
    if ambiguous:
        world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS, after_effect=True))
    target = {"type": "topic", "channel_id": world.cast.ops.id, "topic": "t"}
    facts = {"file": str(log), "file_name": "job-1.log", "link": None}
    office.add("upload", target, facts=facts, kind="file")
    office.sender()
    office.wait_until_empty()
    [said] = office.said("t")
    assert said.startswith("The log: [job-1.log](/user_uploads/")


def test_file_that_is_gone_leaves_the_words(office: Office, world: Stage) -> None:
    target = {"type": "topic", "channel_id": world.cast.ops.id, "topic": "t"}
    facts = {"file": "/no/such/file", "file_name": "x", "link": None}
    office.add("upload", target, facts=facts, kind="file")
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == ["The log: [x](None), to its end."]


def test_long_text_loses_its_middle_and_says_how_much() -> None:
    text = "```\n" + "\n".join(f"line {number}" for number in range(5000)) + "\n```\nThe end."
    short = fit(text)
    assert len(short) <= LONGEST_TEXT
    assert short.startswith("```\nline 0\n")
    assert short.endswith("line 4999\n```\nThe end.")
    assert open_fence(short) is None
    before, _, rest = short.partition("\n```\n*(")
    left_out, _, after = rest.partition(" characters are left out here)*\n```\n")
    assert text.startswith(before)
    assert text.endswith(after)
    assert len(before) + int(left_out) + len(after) == len(text)


def test_long_answer_is_cut_between_lines_and_its_fences_stay_whole() -> None:
    lines = [f"line {number}" for number in range(2000)]
    text = "Look:\n```text\n" + "\n".join(lines) + "\n```\nThe end."
    parts = in_parts(text)
    assert len(parts) == 3
    assert all(len(part) <= LONGEST_TEXT and open_fence(part) is None for part in parts)
    assert all(part.startswith("```text\nline ") for part in parts[1:])
    said = "\n".join(parts).splitlines()
    assert [line for line in said if line.startswith("line ")] == lines
    assert said[0] == "Look:"
    assert said[-1] == "The end."


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["```", "~~~~", "```spoiler more", "````", "", "x" * 12_000]),
            st.text(alphabet="ab `~\n", max_size=300),
        ),
        max_size=60,
    ),
    st.integers(1, 12),
)
def test_parts_fit_whatever_the_text_is(lines: list[str], times: int) -> None:
    parts = in_parts("\n".join(lines * times))
    assert all(len(part) <= LONGEST_TEXT for part in parts)


@pytest.mark.parametrize("ambiguous", [False, True])
def test_text_that_is_too_long_goes_in_a_file_with_its_beginning_beside_it(
    office: Office, world: Stage, ambiguous: bool
) -> None:
    text = "```\n" + "\n".join(f"line {number}" for number in range(5000)) + "\n```\nThe end."
    if ambiguous:
        world.zulip.faults.plan(Fault(Trouble.CUT, "POST", POSTS, after_effect=True))
    office.post(text)
    office.sender()
    office.wait_until_empty()
    [said] = office.said("t")
    assert said.startswith("```\nline 0\n")
    assert open_fence(said) is None
    shown, _, note = said.rpartition("\n```\n")
    assert text.startswith(shown)
    link = re.fullmatch(r"\*\((\d+) characters more: \[the whole answer\]\((.+)\)\)\*", note)
    assert link is not None
    assert int(link[1]) == len(text) - len(shown)
    assert world.zulip.front.site.uploads.files[link[2]].data.decode() == text


def test_text_whose_file_zulip_refuses_loses_its_middle(office: Office, world: Stage) -> None:
    world.zulip.front.site.uploads.limit = 10
    office.post("x" * 20_000)
    office.sender()
    office.wait_until_empty()
    [said] = office.said("t")
    assert "characters are left out here" in said


@pytest.mark.parametrize("text", ["\n\n  x \n", "a\0b", "half \ud83d", "✔ fine"])
def test_cleaned_text_can_be_sent_and_is_stored_unchanged(office: Office, text: str) -> None:
    office.post(text)
    office.sender()
    office.wait_until_empty()
    assert office.said("t") == [clean(text)]


# Pacing.


def test_urgent_calls_find_room_when_progress_has_used_its_share() -> None:
    now = [0.0]
    allowance = Allowance(120, now=lambda: now[0])
    taken = 0
    while not allowance.take(3):
        taken += 1
    assert taken == 60
    assert not allowance.take(2)
    assert not allowance.take(0)
    now[0] = 61.0
    assert not allowance.take(3)


def test_backoff_doubles_up_to_a_minute_and_begins_anew() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    waits = [backoff.next_wait().total_seconds() for _ in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.worked()
    assert backoff.next_wait() == timedelta(seconds=1)
    assert Backoff(chance=lambda: 0.0).next_wait() == timedelta(seconds=0.5)


def test_stop_is_quick_also_in_a_pause(office: Office, world: Stage) -> None:
    world.zulip.faults.plan(Fault(Trouble.RATE_LIMITED, "POST", POSTS, wait=timedelta(seconds=30)))
    office.post("x")
    sender = office.sender()
    time.sleep(0.2)
    began = time.monotonic()
    assert sender.stop()
    assert time.monotonic() - began < 2
