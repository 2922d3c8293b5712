"""Takes messages in: what is a command gets an inbox row and 👀, in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.deciding.effects import Effect, ReadPerson
from bot.deciding.outgoing import Outgoing
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


@dataclass(frozen=True, slots=True)
class Intake:
    """Knows the gate and where answers go."""

    gate: Gate
    outgoing: Outgoing
    epoch: int

    def take(self, tx: Transaction, arrived: MessageArrived, now: datetime) -> tuple[Effect, ...]:
        """One message; the same one delivered again changes nothing."""
        message = arrived.message
        judged = self.gate.judge(_incoming(message), now)
        if isinstance(judged, NotForUs):
            return ()
        entry = inbox.add(tx, self._entry(message, judged, now))
        if entry is None:
            return ()
        if isinstance(judged, Refusal) and judged.reason in UNANSWERED:
            inbox.answer(tx, entry.id, judged.reason.value, None, now)
            return ()
        if message.channel_id is not None:
            anchors.remember(tx, message.id, message.channel_id, message.topic, now)
        self.outgoing.acknowledge(tx, message.id, now)
        crashpoint("command_recorded")
        return (ReadPerson(entry.id, message.sender_id),)

    def _entry(self, message: Message, judged: Addressed | Refusal, now: datetime) -> NewEntry:
        too_old = isinstance(judged, Refusal) and judged.reason is Reason.TOO_OLD
        sentence = judged.sentence if isinstance(judged, Refusal) else None
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
            refusal=Reason.TOO_OLD.value if too_old else sentence,
        )


def needs_person(entry: Entry) -> ReadPerson | None:
    """What has to be read before a command from chat can be settled."""
    if entry.origin != "chat" or entry.sender_id is None:
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
