"""Finds out whether Zulip's message ids began again, and by which evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.events import EpochEnded, Evidence
from bot.identity import ServerIdentity
from bot.receiving.perseverance import Perseverance
from bot.replies.vigilance import Counting
from bot.zulip_api.answers import Failure, Ok, Rejected
from bot.zulip_api.words import Message
from bot.zulip_client import ZulipClient
from state.seen_messages import SeenMessage

#: So many of the newest seen messages are looked at, until one is what it was.
LOOKED_AT = 10
#: One message that is gone was deleted; if all are, and so many at least, a backup was restored.
ENOUGH_GONE = 2
#: How far back unseen messages are looked for in a new epoch.
NEWEST = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of the server that was last connected to."""

    server: ServerIdentity | None = None
    #: Newest first.
    messages: Sequence[SeenMessage] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """What the server shows now."""

    server: ServerIdentity
    bot_id: int
    newest: Message | None


@dataclass(frozen=True, slots=True)
class Numbering:
    """Decides by evidence: a deleted newest message looks like a restored backup.

    Zulip gives out its numbers in order and never again, unless its database is put back. So a
    message that is another one now is proof, and so is the number that the next message gets.
    """

    client: ZulipClient
    perseverance: Perseverance

    def judge(self, known: Known, watermark: int, present: Present) -> EpochEnded | None:
        """None: the ids mean what they meant."""
        if known.server is not None and present.server.is_other_than(known.server):
            return self._ended(known, watermark, present, Evidence.OTHER_SERVER, None)
        found = self._look_at_seen(known)
        newest_id = 0 if present.newest is None else present.newest.id
        ends_below = newest_id < watermark
        if ends_below and (found is None or found[0] is Evidence.VANISHED):
            found = self._count(watermark, present.bot_id)
        return None if found is None else self._ended(known, watermark, present, *found)

    def _look_at_seen(self, known: Known) -> tuple[Evidence, int | None] | None:
        """Whether the messages that were seen last are still what they were."""
        gone = 0
        for seen in known.messages[:LOOKED_AT]:
            message = self._message(seen.message_id)
            if message is None:
                gone += 1
            elif is_same(seen, message):
                return None
            else:
                return Evidence.REUSED, seen.message_id
        # Where it ends below the watermark, counting tells for certain.
        return (Evidence.VANISHED, None) if gone >= ENOUGH_GONE else None

    def _message(self, message_id: int) -> Message | None:
        def look() -> Ok[Message | None] | Failure:
            answer = self.client.message(message_id)
            if isinstance(answer, Rejected) and answer.is_final:
                return Ok(None)
            return answer

        return self.perseverance.ask(look)

    def _count(self, watermark: int, bot_id: int) -> tuple[Evidence, int | None] | None:
        """Write to ourselves, where nobody is disturbed: the number of that message decides."""
        words = Counting(watermark).text()

        def write() -> Ok[int | None] | Failure:
            answer = self.client.send_direct((bot_id,), words)
            if isinstance(answer, Rejected) and answer.is_final:
                return Ok(None)
            return answer

        number = self.perseverance.ask(write)
        if number is None:
            return Evidence.VANISHED, None
        return None if number > watermark else (Evidence.WENT_BACK, number)

    def _ended(
        self,
        known: Known,
        watermark: int,
        present: Present,
        evidence: Evidence,
        noticed_on: int | None,
    ) -> EpochEnded:
        resume_after = self._seen_up_to(known, present)
        return EpochEnded(evidence, watermark, noticed_on, resume_after)

    def _seen_up_to(self, known: Known, present: Present) -> int | None:
        """Ids tell nothing now, so it is the time that divides seen messages from new ones."""
        if present.newest is None or not known.messages:
            return None if present.newest is None else present.newest.id
        page = self.perseverance.ask(lambda: self.client.newest_messages(NEWEST))
        since = max(one.sent_at for one in known.messages)
        seen = {one.message_id: one for one in known.messages}
        for message in page.messages:
            before = seen.get(message.id)
            if message.sent_at >= since and (before is None or not is_same(before, message)):
                return message.id - 1
        return page.messages[-1].id if page.messages else None


def is_same(seen: SeenMessage, message: Message) -> bool:
    """Whether it is that very message, however it was edited or moved."""
    return seen.sender_id == message.sender_id and seen.sent_at == message.sent_at
