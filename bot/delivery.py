"""Carries out one row of the outbox: resolves, words and sends it, and records how that ended."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.addresses import (
    Direct,
    InTopic,
    Nowhere,
    Unsure,
    address_of,
    message_of,
    status_message_of,
)
from bot.answers import Ambiguous, Failure, Ok, Rejected, sentence
from bot.message_text import fit, link_to
from bot.pacing import Allowance
from bot.zulip_calls import Narrow, ZulipCalls
from bot.zulip_words import Emoji, Message, resolved, unresolved
from handlers.contract import Clock
from state import anchors, outbox
from state.database import Database, Transaction
from state.outbox import Row

logger = logging.getLogger(__name__)

#: Turns a row's kind and facts into words.
Render = Callable[[str, Mapping[str, Any]], str]
#: What a renderer raises for facts of another version; the row cannot be said then.
UNSAYABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError)
ALREADY_SO = frozenset({"REACTION_ALREADY_EXISTS", "REACTION_DOES_NOT_EXIST"})
#: Zulip takes 25 MiB; of a longer file the end is worth more.
LONGEST_UPLOAD = 20 * 1024 * 1024
#: How many of the bot's own newest messages are looked through for one that may have been sent.
LOOK_BACK = 200
#: Stands for the address of an upload where a sent message is looked for.
SOME_FILE = "/user_uploads/some-file"


@dataclass(frozen=True, slots=True)
class Sent:
    """It is in Zulip; the id is that of the new message, if there is one."""

    message_id: int | None = None
    place: InTopic | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows; it is looked for before anything else is sent in its lane."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Surely not done; the same again later."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Drop:
    """It can never be done."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The row is another one by now; look again."""


End = Sent | Unclear | Wait | Drop | Changed


class Delivery:
    """Sends rows with one client; used by one thread."""

    def __init__(
        self,
        client: ZulipCalls,
        database: Database,
        render: Render,
        clock: Clock,
        allowance: Allowance,
        site: str,
    ) -> None:
        self._client = client
        self._database = database
        self._render = render
        self._clock = clock
        self._allowance = allowance
        self._site = site
        self._my_id: int | None = None

    def deliver(self, row: Row) -> End:
        """Carry the row out, up to but without recording how it ended."""
        match row.action:
            case "react" | "unreact":
                return self._react(row)
            case "post" | "upload":
                return self._post(row)
            case "edit":
                return self._edit(row)
            case "resolve":
                return self._resolve(row)
        return Drop(f"there is no action {row.action}")

    def look_for(self, row: Row) -> Sent | Unclear | Wait | Drop:
        """Sent if the row's message is found in Zulip, Unclear if it is not there (yet)."""
        letter = self._letter(row, SOME_FILE)
        if isinstance(letter, Wait | Drop):
            return letter
        me = self._me()
        if isinstance(me, Wait):
            return me
        self._allowance.count()
        answer = self._client.newest_messages(LOOK_BACK, _narrow(letter.place, me))
        if not isinstance(answer, Ok):
            return Wait(answer)
        for message in answer.value.messages:
            if message.sender_id == me and letter.is_in(message) and self._is_free(row, message):
                return Sent(message.id, letter.place if isinstance(letter.place, InTopic) else None)
        return Unclear("it is not there")

    def _is_free(self, row: Row, message: Message) -> bool:
        """Whether the message may be this row's, and is not known as another one's."""
        with self._database.read() as tx:
            last = outbox.last_sent_in_lane(tx, row.lane)
            return message.id > (last or 0) and not outbox.is_own_message(tx, message.id)

    # Posting.

    def _post(self, row: Row) -> End:
        link = None
        if row.action == "upload":
            uploaded = self._upload(row)
            if isinstance(uploaded, Wait):
                return uploaded
            link = uploaded
        letter = self._letter(row, link)
        return letter if isinstance(letter, Wait | Drop) else self._send(row, letter)

    def _send(self, row: Row, letter: "_Letter") -> End:
        with self._database.write() as tx:
            if is_changed(tx, row) or not outbox.mark_sending(tx, row.id, self._clock.now()):
                return Changed()
        place = letter.place
        if isinstance(place, Direct):
            answer = self._client.send_direct(place.user_ids, letter.words)
        else:
            answer = self._client.send_to_channel(place.channel_id, place.topic, letter.words)
        if isinstance(answer, Ok):
            return Sent(answer.value, place if isinstance(place, InTopic) else None)
        return _not_done(answer)

    def _upload(self, row: Row) -> str | Wait | None:
        """The file's address; None if it cannot be had, and the words go without."""
        path, name = Path(str(row.facts.get("file"))), str(row.facts.get("file_name"))
        try:
            content = _end_of(path)
        except OSError as error:
            logger.error("%s cannot be uploaded: %s.", path, error.strerror)
            return None
        self._allowance.count()
        answer = self._client.upload(name, content)
        match answer:
            case Ok(link):
                return link
            case Rejected() if answer.is_final:
                logger.error("%s was not uploaded. %s", path, sentence(answer))
                return None
        # A second copy of a file that no message names harms nobody.
        return Wait(answer)

    def _letter(self, row: Row, link: str | None) -> "_Letter | Wait | Drop":
        """Words and place of the message that this row makes."""
        facts = row.facts | {"link": link} if row.action == "upload" else row.facts
        note = self._note_on(row) if row.action == "edit" else ""
        words = self._words(row, facts)
        place = self._place(row.target)
        if isinstance(words, Drop):
            return words
        return place if isinstance(place, Wait | Drop) else _Letter(place, fit(note + words))

    def _words(self, row: Row, facts: Mapping[str, Any]) -> str | Drop:
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
                return self._look_up_place(message_id, last_known)
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
                self._remember(message_id, place)
                return place
            case Ok(message):
                me = self._me()
                if isinstance(me, Wait):
                    return me
                return Direct(tuple(one for one in message.participants if one != me))
            case Rejected() if answer.is_final:
                gone = Drop(f"the message {message_id} that it should follow is gone")
                return last_known or gone
        return Wait(answer)

    # Editing.

    def _edit(self, row: Row) -> End:
        """Bring a message up to date; a new one takes over where Zulip refuses that."""
        message_id = self._edited_message(row)
        if message_id is None:
            if row.target["type"] != "job_status":
                return Drop("what it should change was never sent")
            return self._post(row)
        words = self._words(row, row.facts)
        if isinstance(words, Drop):
            return words
        answer = self._client.edit(message_id, fit(words))
        match answer:
            case Ok():
                return Sent()
            case Rejected() if answer.is_final:
                return self._after_refused_edit(row, message_id, fit(words), answer)
        return Wait(answer)

    def _after_refused_edit(self, row: Row, message_id: int, words: str, refusal: Rejected) -> End:
        """Refused because nothing would change, or because it is too late (600 s by default).

        Both have the code BAD_REQUEST; what the message says now tells them apart.
        """
        self._allowance.count()
        answer = self._client.message(message_id)
        if isinstance(answer, Ok) and answer.value.content == words:
            return Sent()
        if not isinstance(answer, Ok) and not (isinstance(answer, Rejected) and answer.is_final):
            return Wait(answer)
        if row.role != "status":
            return Drop(sentence(refusal))
        return self._post(row)

    def _edited_message(self, row: Row) -> int | None:
        with self._database.read() as tx:
            if row.role == "status" and row.job_id is not None:
                return status_message_of(tx, row.job_id)
            return message_of(tx, row.target)

    def _note_on(self, row: Row) -> str:
        """A link back, where a new status message takes over from an old one."""
        old = self._edited_message(row)
        if old is None:
            return ""
        return f"*(goes on from [the earlier status message]({link_to(self._site, old)}))*\n\n"

    # Reacting and resolving.

    def _react(self, row: Row) -> End:
        with self._database.read() as tx:
            message_id = message_of(tx, row.target)
        if message_id is None:
            return Drop("the message to react to was never sent")
        emoji = Emoji(str(row.facts.get("name")), str(row.facts.get("code")))
        call = self._client.react if row.action == "react" else self._client.unreact
        answer = call(message_id, emoji)
        match answer:
            case Ok():
                return Sent()
            case Rejected(code, _) if code in ALREADY_SO:
                return Sent()
        return _not_done(answer, repeatable=True)

    def _resolve(self, row: Row) -> End:
        """Mark a topic as resolved, and remember its new name."""
        with self._database.read() as tx:
            message_id = message_of(tx, row.target)
        if message_id is None:
            return Drop("the topic to resolve was never opened")
        self._allowance.count()
        found = self._client.message(message_id)
        if not isinstance(found, Ok):
            return _not_done(found, repeatable=True)
        message = found.value
        if message.channel_id is None:
            return Drop("direct messages have no topic")
        name = resolved(message.topic)
        if name != message.topic:
            answer = self._client.move_topic(message_id, name)
            if not isinstance(answer, Ok):
                return _not_done(answer, repeatable=True)
        self._remember(message_id, InTopic(message.channel_id, name))
        return Sent()

    # Both.

    def _remember(self, message_id: int, place: InTopic) -> None:
        with self._database.write() as tx:
            anchors.remember(tx, message_id, place.channel_id, place.topic, self._clock.now())

    def _me(self) -> int | Wait:
        if self._my_id is None:
            self._allowance.count()
            answer = self._client.me()
            if not isinstance(answer, Ok):
                return Wait(answer)
            self._my_id = answer.value.id
        return self._my_id


def is_changed(tx: Transaction, row: Row) -> bool:
    """Whether newer facts have taken the place of those that were read."""
    present = outbox.get(tx, row.id)
    return present is None or present.facts != row.facts


@dataclass(frozen=True, slots=True)
class _Letter:
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


def _narrow(place: InTopic | Direct, me: int) -> Narrow:
    """The channel and not the topic: the topic may have been renamed since it was sent."""
    if isinstance(place, Direct):
        return (("dm", list(place.user_ids)),)
    return (("channel", place.channel_id), ("sender", me))


def _not_done(failure: Failure, *, repeatable: bool = False) -> Unclear | Wait | Drop:
    """What a call that failed means for its row; `repeatable` calls do no harm twice."""
    match failure:
        case Rejected() if failure.is_final:
            return Drop(sentence(failure))
        case Ambiguous(why) if not repeatable:
            return Unclear(why)
    return Wait(failure)


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_UPLOAD))
        return file.read(LONGEST_UPLOAD)
