"""Carries out one row of the outbox: resolves, words and sends it, and records how that ended."""

import logging
from pathlib import Path

from bot.sending.addresses import Direct, InTopic, is_home, message_of
from bot.sending.letters import SOME_FILE, Letter, Letters
from bot.sending.message_text import clean, fit
from bot.sending.pacing import Allowance
from bot.sending.row_ends import Changed, Drop, End, Sent, Unclear, Wait, not_done
from bot.zulip_api.answers import Ok, Rejected, sentence
from bot.zulip_api.calls import Narrow
from bot.zulip_api.words import Emoji, Message, resolved
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from jobs.runs.crashpoints import crashpoint
from state import approval_store, outbox
from state.database import Database, Transaction
from state.outbox import Row

logger = logging.getLogger(__name__)

ALREADY_SO = frozenset({"REACTION_ALREADY_EXISTS", "REACTION_DOES_NOT_EXIST"})
#: Zulip takes 25 MiB; of a longer file the end is worth more.
LONGEST_UPLOAD = 20 * 1024 * 1024
#: How many of the bot's own newest messages are looked through for one that may have been sent.
LOOK_BACK = 200


class Delivery:
    """Sends rows with one client; used by one thread."""

    def __init__(
        self,
        client: ZulipClient,
        database: Database,
        letters: Letters,
        clock: Clock,
        allowance: Allowance,
    ) -> None:
        self._client = client
        self._database = database
        self._letters = letters
        self._clock = clock
        self._allowance = allowance

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
        letter = self._letters.letter(row, SOME_FILE)
        if isinstance(letter, Wait | Drop):
            return letter
        me = self._letters.me()
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
        link = self._link(row)
        if isinstance(link, Wait):
            return link
        letter = self._letters.letter(row, link)
        return letter if isinstance(letter, Wait | Drop) else self._send(row, letter)

    def _send(self, row: Row, letter: Letter) -> End:
        with self._database.write() as tx:
            if is_changed(tx, row) or not outbox.mark_sending(tx, row.id, self._clock.now()):
                return Changed()
        crashpoint("message_intended")
        place = letter.place
        if isinstance(place, Direct):
            answer = self._client.send_direct(place.user_ids, letter.words)
        else:
            answer = self._client.send_to_channel(place.channel_id, place.topic, letter.words)
        crashpoint("message_sent")
        if isinstance(answer, Ok):
            return Sent(answer.value, place if isinstance(place, InTopic) else None)
        return not_done(answer)

    def _link(self, row: Row) -> str | Wait | None:
        """The address of the file that goes with the row, or of its own words if they are long."""
        if row.action == "upload":
            return self._upload_file(row)
        words = self._letters.words(row, row.facts)
        if isinstance(words, Drop) or not self._letters.goes_in_file(row, words):
            return None
        return self._upload(f"answer-{row.id}.md", clean(words).encode())

    def _upload_file(self, row: Row) -> str | Wait | None:
        path, name = Path(str(row.facts.get("file"))), str(row.facts.get("file_name"))
        try:
            content = _end_of(path)
        except OSError as error:
            logger.error("%s cannot be uploaded: %s.", path, error.strerror)
            return None
        return self._upload(name, content)

    def _upload(self, name: str, content: bytes) -> str | Wait | None:
        """The file's address; None if it cannot be had, and the words go without."""
        self._allowance.count()
        answer = self._client.upload(name, content)
        match answer:
            case Ok(link):
                return link
            case Rejected() if answer.is_final:
                logger.error("%s was not uploaded. %s", name, sentence(answer))
                return None
        # A second copy of a file that no message names harms nobody.
        return Wait(answer)

    # Editing.

    def _edit(self, row: Row) -> End:
        """Bring a message up to date; a new one takes over where Zulip refuses that."""
        message_id = self._letters.edited_message(row)
        if isinstance(message_id, Wait):
            return message_id
        if message_id is None:
            if row.target["type"] != "job_status":
                return Drop("what it should change was never sent")
            return self._post(row)
        with self._database.read() as tx:
            if approval_store.is_plan(tx, message_id):
                return Drop("the plan that people consent to never changes")
        words = self._letters.words(row, row.facts)
        if isinstance(words, Drop):
            return words
        answer = self._client.edit(message_id, fit(words))
        crashpoint("edit_sent")
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

    # Reacting and resolving.

    def _react(self, row: Row) -> End:
        with self._database.read() as tx:
            message_id = message_of(tx, row.target)
        if message_id is None:
            return Drop("the message to react to was never sent")
        emoji = Emoji(str(row.facts.get("name")), str(row.facts.get("code")))
        call = self._client.react if row.action == "react" else self._client.unreact
        crashpoint("reaction_requested")
        answer = call(message_id, emoji)
        crashpoint("reaction_sent")
        match answer:
            case Ok():
                return Sent()
            case Rejected(code, _) if code in ALREADY_SO:
                return Sent()
        return not_done(answer, repeatable=True)

    def _resolve(self, row: Row) -> End:
        """Mark a topic as resolved, and remember its new name."""
        with self._database.read() as tx:
            message_id = message_of(tx, row.target)
        if message_id is None:
            return Drop("the topic to resolve was never opened")
        self._allowance.count()
        found = self._client.message(message_id)
        if not isinstance(found, Ok):
            return not_done(found, repeatable=True)
        message = found.value
        if message.channel_id is None:
            return Drop("direct messages have no topic")
        with self._database.read() as tx:
            if not is_home(tx, message.channel_id):
                return Drop("the topic was moved to another channel")
        name = resolved(message.topic)
        if name != message.topic:
            answer = self._client.move_topic(message_id, name)
            if not isinstance(answer, Ok):
                return not_done(answer, repeatable=True)
        crashpoint("topic_moved")
        self._letters.remember(message_id, InTopic(message.channel_id, name))
        return Sent()


def is_changed(tx: Transaction, row: Row) -> bool:
    """Whether newer facts have taken the place of those that were read."""
    present = outbox.get(tx, row.id)
    return present is None or present.facts != row.facts


def _narrow(place: InTopic | Direct, me: int) -> Narrow:
    """The channel and not the topic: the topic may have been renamed since it was sent."""
    if isinstance(place, Direct):
        return (("dm", list(place.user_ids)),)
    return (("channel", place.channel_id), ("sender", me))


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_UPLOAD))
        return file.read(LONGEST_UPLOAD)
