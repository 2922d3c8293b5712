"""Takes messages in: what is a command gets an inbox row and 👀, in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

from bot.deciding.effects import ReadPerson
from bot.deciding.outgoing import Outgoing
from bot.deciding.quota import Quota
from bot.events import MessageArrived
from bot.understanding.gate import UNANSWERED, Addressed, Gate, IncomingMessage, NotForUs, Refusal
from bot.zulip_api.words import Message
from handlers.errors import Reason
from jobs.runs.crashpoints import crashpoint
from state import anchors, inbox
from state.database import Transaction
from state.inbox import Entry, NewEntry

#: The server's own accounts (mail gateway, notices) live there; `GET /users/{id}`, which is asked
#: for every sender, knows nobody of another realm.
INTERNAL_REALM = "zulipinternal"
#: Codes of refusals that are told once for many commands, without 👀 on each.
TOGETHER = frozenset(
    reason.value
    for reason in (
        Reason.TOO_OLD,
        Reason.TOO_MANY,
        Reason.OUT_OF_TURN,
        Reason.NOT_A_COMMAND,
        Reason.UNREADABLE_TEXT,
    )
)


@dataclass(frozen=True, slots=True)
class Intake:
    """Knows the gate, what one person may ask in a minute, and where answers go."""

    gate: Gate
    quota: Quota
    outgoing: Outgoing
    epoch: int

    def concerns_us(self, message: Message, now: datetime) -> bool:
        """Whether there is anything to decide about it; nearly every message is somebody else's."""
        return not isinstance(self.gate.judge(_incoming(message), now), NotForUs)

    def take(self, tx: Transaction, arrived: MessageArrived, now: datetime) -> Entry | None:
        """One message; the entry that is to be settled, if it is one. The same message delivered
        again changes nothing."""
        message = arrived.message
        judged = self.gate.judge(_incoming(message), now)
        if isinstance(judged, NotForUs):
            return None
        silent = _recorded_only(judged, arrived)
        refusal = None if silent else _refusal(judged, arrived)
        entry = inbox.add(tx, self._entry(message, judged, refusal, now))
        if entry is None:
            return None
        if silent is not None:
            inbox.answer(tx, entry.id, silent.value, None, now)
            return None
        if message.channel_id is not None:
            anchors.remember(tx, message.id, message.channel_id, message.topic, now)
        return self._admitted(tx, entry, now)

    def _admitted(self, tx: Transaction, entry: Entry, now: datetime) -> Entry | None:
        """With 👀, unless it is one of many that are answered together."""
        assert entry.message_id is not None
        assert entry.sender_id is not None
        if entry.refusal in TOGETHER:
            return entry
        if not self.quota.takes(entry.sender_id, entry.content, entry.sent_at):
            return inbox.refuse(tx, entry.id, Reason.TOO_MANY.value)
        self.outgoing.acknowledge(tx, entry.message_id, now)
        crashpoint("command_recorded")
        return entry

    def _entry(
        self, message: Message, judged: Addressed | Refusal, refusal: str | None, now: datetime
    ) -> NewEntry:
        return NewEntry(
            origin="chat",
            source_key=f"chat/{self.epoch}/{message.id}",
            epoch=self.epoch,
            message_id=message.id,
            sender_id=message.sender_id,
            sender_name=message.sender_name,
            content=judged.text,
            content_sha256=sha256(message.content.encode()).hexdigest(),
            channel_id=message.channel_id,
            topic=message.topic or None,
            direct=message.is_direct,
            client=message.client,
            sent_at=message.sent_at,
            received_at=now,
            refusal=refusal,
        )


def _recorded_only(judged: Addressed | Refusal, arrived: MessageArrived) -> Reason | None:
    """Why it is kept and not answered, if so."""
    if not isinstance(judged, Refusal):
        return None
    if judged.reason in UNANSWERED:
        return judged.reason
    if judged.reason is Reason.TOO_OLD and arrived.out_of_turn:
        # Thousands may come with one import, and nobody waits for them.
        return Reason.OUT_OF_TURN
    return None


def _refusal(judged: Addressed | Refusal, arrived: MessageArrived) -> str | None:
    """Why it is not run: a sentence, or the code of what is told together with others."""
    if isinstance(judged, Addressed):
        return Reason.OUT_OF_TURN.value if arrived.out_of_turn else None
    if arrived.from_catch_up or judged.reason is Reason.TOO_OLD:
        return judged.reason.value
    return judged.sentence


def host_entry(text: str, asker: str, now: datetime) -> NewEntry:
    """A command that was typed on the host."""
    return NewEntry(
        origin="host",
        source_key=f"host/{uuid4()}",
        epoch=0,
        message_id=None,
        sender_id=None,
        sender_name=asker,
        content=text,
        content_sha256=sha256(text.encode()).hexdigest(),
        channel_id=None,
        topic=None,
        direct=False,
        client="host",
        sent_at=now,
        received_at=now,
    )


def needs_person(entry: Entry) -> ReadPerson | None:
    """What has to be read before a command of a person's, or of their schedule, can be settled."""
    if entry.origin not in {"chat", "schedule"} or entry.sender_id is None:
        return None
    return ReadPerson(entry.id, entry.sender_id)


def _incoming(message: Message) -> IncomingMessage:
    return IncomingMessage(
        sender_id=message.sender_id,
        content=message.content,
        channel_id=message.channel_id,
        recipients=len(message.participants),
        client=message.client,
        realm=INTERNAL_REALM if message.sender_realm == INTERNAL_REALM else "",
        sent_at=message.sent_at,
        mentioned=message.mentioned,
        edited=message.edited,
        moved=message.moved,
    )
