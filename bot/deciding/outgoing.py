"""Puts what the bot has to say into the outbox, in the same transaction as the decision."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.replies.answers import Part
from bot.replies.reply import Reply
from bot.sending.message_text import MOST_PARTS, in_parts, is_long
from bot.zulip_api.words import EYES, Emoji
from state import outbox
from state.database import Transaction
from state.inbox import Entry
from state.job_store import Job
from state.outbox import NewRow

ACKNOWLEDGEMENT, CONSENT, ANSWER, PROGRESS = range(4)
LONGEST_TOPIC_CHARACTERS = 60
#: Where the end of a hold is told.
HOLDS_TOPIC = "holds"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Where the bot speaks."""

    channel_id: int
    channel: str
    #: As what, so that commands can be told as they are typed.
    bot_name: str

    def acknowledge(self, tx: Transaction, message_id: int, now: datetime) -> None:
        """👀: seen, and it will not be lost."""
        self._react(tx, message_id, EYES, "react", now)

    def mark_outcome(self, tx: Transaction, message_id: int, emoji: Emoji, now: datetime) -> None:
        """The command's own message shows how it ended; the words stand in the topic."""
        self.change_mark(tx, message_id, EYES, emoji, now)

    def change_mark(
        self, tx: Transaction, message_id: int, before: Emoji, emoji: Emoji, now: datetime
    ) -> None:
        """What became of a command is seen otherwise by now."""
        self._react(tx, message_id, before, "unreact", now)
        self._react(tx, message_id, emoji, "react", now)

    def _react(
        self, tx: Transaction, message_id: int, emoji: Emoji, action: str, now: datetime
    ) -> None:
        self._add(
            tx,
            lane=f"message/{message_id}",
            action=action,
            target={"type": "message", "message_id": message_id},
            kind="emoji",
            facts={"name": emoji.name, "code": emoji.code},
            priority=ACKNOWLEDGEMENT,
            now=now,
        )

    def answer(
        self,
        tx: Transaction,
        entry: Entry,
        reply: Reply,
        now: datetime,
        file: tuple[Path, str] | None = None,
    ) -> None:
        """An answer where the command was typed; a long one in a few messages."""
        facts = {} if file is None else {"file": str(file[0]), "file_name": file[1]}
        for part in [reply] if file is not None else _in_parts(reply):
            self._add(
                tx,
                lane=self.lane_of(entry),
                action="post" if file is None else "upload",
                target=self._place_of(entry),
                kind=part.kind,
                facts=part.stored() | facts,
                priority=ANSWER,
                now=now,
            )

    def answer_together(
        self,
        tx: Transaction,
        entry: Entry,
        reply: Reply,
        lane: str,
        not_before: datetime,
        now: datetime,
    ) -> int:
        """An answer that waits in a lane of its own for more to be said with it; gives its row."""
        return self._add(
            tx,
            lane=lane,
            action="post",
            target=self._place_of(entry),
            kind=reply.kind,
            facts=reply.stored(),
            priority=ANSWER,
            now=now,
            not_before=not_before,
        )

    def lane_of(self, entry: Entry) -> str:
        """What is answered in one place is answered in order."""
        if entry.origin == "schedule":
            return f"topic/{self.channel_id}/{schedule_topic(entry.sender_name)}"
        if entry.direct:
            return f"direct/{entry.sender_id}"
        return f"topic/{entry.channel_id}/{entry.topic}"

    def _place_of(self, entry: Entry) -> dict[str, Any]:
        if entry.origin == "schedule":
            topic = schedule_topic(entry.sender_name)
            return {"type": "topic", "channel_id": self.channel_id, "topic": topic}
        if entry.direct:
            return {"type": "direct", "user_ids": [entry.sender_id]}
        return {"type": "anchor", "message_id": entry.message_id}

    def say(self, tx: Transaction, topic: str, reply: Reply, now: datetime) -> None:
        """Something that nobody asked for, in a topic of the ops channel."""
        self._add(
            tx,
            lane=f"topic/{self.channel_id}/{topic}",
            action="post",
            target={"type": "topic", "channel_id": self.channel_id, "topic": topic},
            kind=reply.kind,
            facts=reply.stored(),
            priority=ANSWER,
            now=now,
        )

    def go_on(self, tx: Transaction, topic: str, reply: Reply, now: datetime) -> None:
        """More of what `say` began in a topic, whatever people have called that since."""
        lane = f"topic/{self.channel_id}/{topic}"
        last = outbox.last_sent_in_lane(tx, lane)
        if last is None:
            self.say(tx, topic, reply, now)
            return
        self._add(
            tx,
            lane=lane,
            action="post",
            target={"type": "anchor", "message_id": last},
            kind=reply.kind,
            facts=reply.stored(),
            priority=ANSWER,
            now=now,
        )

    def post(
        self, tx: Transaction, job: Job, reply: Reply, now: datetime, role: str | None = None
    ) -> None:
        """A message in the job's own topic; the first one opens it. Its end may wait as any answer;
        what else is said of a job answers somebody's consent or asks for it."""
        first = not outbox.has_rows_of_job(tx, job.id)
        target: dict[str, Any] = {"type": "job", "job_id": job.id}
        if first:
            target = {"type": "topic", "channel_id": self.channel_id, "topic": job_topic(job)}
        self._add(
            tx,
            lane=f"job/{job.id}",
            action="post",
            target=target,
            kind=reply.kind,
            facts=reply.stored(),
            priority=ANSWER if role == "end" else CONSENT,
            now=now,
            job_id=job.id,
            role=role,
        )

    def progress(self, tx: Transaction, job: Job, reply: Reply, not_before: datetime) -> None:
        """The job's one status message, brought up to date; newer facts replace what waits."""
        outbox.add_or_replace(
            tx,
            NewRow(
                lane=f"job/{job.id}",
                action="edit",
                target={"type": "job_status", "job_id": job.id},
                kind=reply.kind,
                facts=reply.stored(),
                priority=PROGRESS,
                job_id=job.id,
                role="status",
                created_at=not_before,
                not_before=not_before,
            ),
        )

    def resolve(self, tx: Transaction, job: Job, now: datetime) -> None:
        """Mark the job's topic as resolved: what stays open is what needs somebody."""
        self._add(
            tx,
            lane=f"job/{job.id}",
            action="resolve",
            target={"type": "job", "job_id": job.id},
            kind="resolve",
            facts={},
            priority=ANSWER,
            now=now,
            job_id=job.id,
        )

    def _add(self, tx: Transaction, *, now: datetime, **row: Any) -> int:
        return outbox.add(tx, NewRow(created_at=now, **row))


def _in_parts(reply: Reply) -> list[Reply]:
    """More than one where it is too long for one message and short enough for a few."""
    text = reply.text()
    if not is_long(text) or len(parts := in_parts(text)) > MOST_PARTS:
        return [reply]
    return [Part(part) for part in parts]


def job_topic(job: Job) -> str:
    """`backup now · #12`: one topic a job."""
    suffix = f" · #{job.id}"
    return job.operation[: LONGEST_TOPIC_CHARACTERS - len(suffix)] + suffix


def schedule_topic(name: str) -> str:
    """Where a schedule's answers appear."""
    return f"schedule: {name}"[:LONGEST_TOPIC_CHARACTERS]
