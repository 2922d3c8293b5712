"""Makes messages of the outbox's rows: their words, and the place where they belong now."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sending.addresses import (
    Direct,
    InTopic,
    Nowhere,
    Unsure,
    address_of,
    at_home,
    is_away,
    message_of,
    status_message_of,
)
from bot.sending.message_text import fit, is_long, link_to, preview
from bot.sending.pacing import Allowance
from bot.sending.row_ends import Drop, Wait
from bot.zulip_api.answers import Ok, Rejected
from bot.zulip_api.words import Message, unresolved
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from state import anchors
from state.database import Database
from state.outbox import Row

logger = logging.getLogger(__name__)

#: Turns a row's kind and facts into words.
Render = Callable[[str, Mapping[str, Any]], str]
#: What a renderer raises for facts of another version; the row cannot be said then.
UNSAYABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError)
#: Stands for the address of an upload where a sent message is looked for.
SOME_FILE = "/user_uploads/some-file"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it is sent."""

    place: InTopic | Direct
    words: str

    def is_in(self, message: Message) -> bool:
        """Whether that message says this in this place; it may have been moved since."""
        return self._says_this(message.content) and self._is_at(message)

    def _says_this(self, content: str) -> bool:
        before, _, after = self.words.partition(SOME_FILE)
        if SOME_FILE not in self.words:
            return content == self.words
        return content.startswith(before) and content.endswith(after)

    def _is_at(self, message: Message) -> bool:
        if isinstance(self.place, Direct):
            return message.is_direct
        topics = [message.topic, *(one.topic_before or "" for one in message.changes)]
        wanted = unresolved(self.place.topic).casefold()
        return any(unresolved(topic).casefold() == wanted for topic in topics)


class Letters:
    """Words and places, with one client; used by one thread."""

    def __init__(
        self,
        client: ZulipClient,
        database: Database,
        render: Render,
        clock: Clock,
        allowance: Allowance,
    ) -> None:
        self._client = client
        self._database = database
        self._render = render
        self._clock = clock
        self._allowance = allowance
        self._my_id: int | None = None

    def letter(self, row: Row, link: str | None) -> Letter | Wait | Drop:
        """Words and place of the message that this row makes."""
        facts = row.facts | {"link": link} if row.action == "upload" else row.facts
        note = self._note_on(row) if row.action == "edit" else ""
        words = self.words(row, facts)
        place = self._place(row.target)
        if isinstance(words, Drop):
            return words
        if isinstance(place, Wait | Drop):
            return place
        if link is not None and self.goes_in_file(row, words):
            return Letter(place, preview(words, link))
        return Letter(place, fit(note + words))

    def goes_in_file(self, row: Row, words: str) -> bool:
        """Long texts do; a plan is consented to as it stands, and progress has only one message."""
        return row.action == "post" and row.role != "card" and is_long(words)

    def words(self, row: Row, facts: Mapping[str, Any]) -> str | Drop:
        try:
            return self._render(row.kind, facts)
        except UNSAYABLE as error:
            logger.exception("Row %s of the outbox cannot be put into words.", row.id)
            return Drop(f"{row.kind} cannot be put into words: {error!r}")

    def _place(self, target: Mapping[str, Any]) -> InTopic | Direct | Wait | Drop:
        with self._database.read() as tx:
            found = address_of(tx, target)
        match found:
            case Nowhere(why):
                return Drop(why)
            case Unsure(message_id, last_known):
                looked_up = self._look_up_place(message_id, last_known)
                if not isinstance(looked_up, InTopic):
                    return looked_up
                with self._database.read() as tx:
                    return at_home(tx, target, looked_up)
            case place:
                return place

    def _look_up_place(
        self, message_id: int, last_known: InTopic | None
    ) -> InTopic | Direct | Wait | Drop:
        self._allowance.count()
        answer = self._client.message(message_id)
        match answer:
            case Ok(message) if message.channel_id is not None:
                place = InTopic(message.channel_id, message.topic)
                self.remember(message_id, place)
                return place
            case Ok(message):
                me = self.me()
                if isinstance(me, Wait):
                    return me
                return Direct(tuple(one for one in message.participants if one != me))
            case Rejected() if answer.is_final:
                gone = Drop(f"the message {message_id} that it should follow is gone")
                return last_known or gone
        return Wait(answer)

    def edited_message(self, row: Row) -> int | Wait | None:
        """None: there is none, or it was moved to where others would read what it shows."""
        message_id = self._shown_in(row)
        if message_id is None:
            return None
        with self._database.read() as tx:
            anchor = anchors.get(tx, message_id)
        if anchor is not None and not anchor.sure:
            last_known = InTopic(anchor.channel_id, anchor.topic)
            looked_up = self._look_up_place(message_id, last_known)
            if isinstance(looked_up, Wait):
                return looked_up
        with self._database.read() as tx:
            return None if is_away(tx, message_id) else message_id

    def _shown_in(self, row: Row) -> int | None:
        with self._database.read() as tx:
            if row.role == "status" and row.job_id is not None:
                return status_message_of(tx, row.job_id)
            return message_of(tx, row.target)

    def _note_on(self, row: Row) -> str:
        """A link back, where a new status message takes over from an old one."""
        old = self._shown_in(row)
        if old is None:
            return ""
        return (
            f"*(goes on from [the earlier status message]({link_to(self._client.site, old)}))*\n\n"
        )

    def remember(self, message_id: int, place: InTopic) -> None:
        with self._database.write() as tx:
            anchors.remember(tx, message_id, place.channel_id, place.topic, self._clock.now())

    def me(self) -> int | Wait:
        if self._my_id is None:
            self._allowance.count()
            answer = self._client.me()
            if not isinstance(answer, Ok):
                return Wait(answer)
            self._my_id = answer.value.id
        return self._my_id
