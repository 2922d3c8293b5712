"""The tour of the demo: asks the bot one thing after another and judges every answer."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deciding.outgoing import schedule_topic
from bot.demo import manifest
from bot.demo.expectations import (
    BACKUP,
    BAD_ARGUMENT,
    HELP,
    HISTORY,
    JOB,
    PROGRESS,
    REFUSAL,
    REPORT,
    ROLLBACK,
    STATUS,
    TYPO,
    UPGRADE,
    Expected,
    Showing,
    listed,
)
from bot.demo.stage import Stage
from bot.demo.transcript import Transcript
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from bot.zulip_api.words import CHECK, RESOLVED_PREFIX, unresolved
from jobs.configuration import ScheduleSettings
from jobs.observing.facts import FactsError, read_facts

TOPIC = "tour"
#: Cron knows nothing shorter than a minute.
SCHEDULE = ScheduleSettings("status report", "status", "* * * * *")

#: One without and one with migrations, after which there is no `rollback`.
RELEASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("1.4", ()),
    ("1.5", ("0600_sample_rows", "0601_sample_index")),
)

#: How a status message begins, as long as nothing has ended.
_RUNNING = "has been running since"
_PAUSE_SECONDS = 0.1
_SNAPSHOT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the tour waits for each kind of answer."""

    answer: timedelta = timedelta(seconds=15)
    job: timedelta = timedelta(seconds=90)
    #: Until the next full minute, and until the bot has answered then.
    schedule: timedelta = timedelta(seconds=75)


class Tour:
    """One showing; `play` says whether every answer was as it should be."""

    def __init__(
        self,
        stage: Stage,
        transcript: Transcript,
        say: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._stage, self._zulip, self._cast = stage, stage.zulip, stage.cast
        self._transcript = transcript
        self._say = say
        self._verdicts: list[bool] = []

    def play(self, *, with_schedule: bool = True) -> bool:
        """All steps in order; one that fails does not end the tour."""
        iago, hamlet = self._cast.iago, self._cast.hamlet
        self._ask(iago, "help", HELP)
        self._ask(iago, "status", STATUS)
        end = self._back_up()
        self._ask(iago, "bakcup now", TYPO)
        self._ask(iago, "job twelve", BAD_ARGUMENT)
        self._ask(hamlet, "backup now", REFUSAL)
        if end is not None:
            self._let_observer_look(end.sent_at)
            self._ask(iago, "backups", listed(_snapshot_in(end)))
        self._ask(iago, "history", HISTORY)
        self._ask(iago, "job 1", JOB)
        self._upgrade()
        if with_schedule:
            self._see_schedule()
        return self._summed_up()

    def _ask(self, person: Person, command: str, expected: Expected) -> int:
        """Post a command and judge the first answer in the same topic; the command's id."""
        words = f"@{self._cast.bot.full_name} {command}"
        asked = self._zulip.post(person, self._cast.ops, TOPIC, words)
        self._show(asked)
        self._judge(expected, self._next(TOPIC, asked))
        return asked

    # Jobs.

    def _job(self, showing: Showing, approver: Person) -> SeenMessage | None:
        """From the command to its end; the message that told the end, if one did."""
        asked = self._ask(self._cast.iago, showing.command, showing.accepted)
        card = self._judge(showing.card, self._next(showing.topic, asked))
        if card is None:
            return None
        self._zulip.react(approver, card.id, CHECK.name)
        self._say(f"     reactions to message {card.id}: {self._reactions(card.id)}")
        status = self._status_after(showing.topic, card.id)
        # A job that ends before it starts has no status message.
        is_end = status is None or _tells_end(status)
        end = status if is_end else self._end_after(showing.topic, status)
        self._judge_status(None if status is end else status)
        self._judge(showing.end, end)
        self._judge_traces(showing.topic, card.id, asked)
        return end

    def _back_up(self) -> SeenMessage | None:
        """The asker's own ✅ is enough for a backup."""
        end = self._job(BACKUP, self._cast.iago)
        if end is not None:
            self._show_manifest(end)
        return end

    def _upgrade(self) -> None:
        """Only another person's ✅ counts; Zulip goes away meanwhile, and the way back is open."""
        self._job(UPGRADE, self._cast.desdemona)
        self._job(ROLLBACK, self._cast.desdemona)

    def _status_after(self, topic: str, card: int) -> SeenMessage | None:
        """The status message, or the end; who approved may be said before it."""
        said = self._next(topic, card)
        if said is None or _tells_end(said) or _RUNNING in said.content:
            return said
        return self._next(topic, said.id)

    def _end_after(self, topic: str, status: SeenMessage | None) -> SeenMessage | None:
        return None if status is None else self._next(topic, status.id, self._patience.job)

    def _judge_status(self, status: SeenMessage | None) -> None:
        """The status message is shown as it was and as it became."""
        if status is None:
            self._judge(PROGRESS, None)
            return

        def is_done() -> bool:
            now = self._zulip.message(status.id)
            return now is not None and PROGRESS.holds(now.content)

        self._say(self._transcript.message(status))
        self._eventually(is_done)
        last = self._zulip.message(status.id) or status
        self._say(self._transcript.change(status, last) or "     (It was not edited.)")
        self._pass(PROGRESS.sentence, holds=PROGRESS.holds(last.content))

    def _judge_traces(self, topic: str, card: int, asked: int) -> None:
        """What is left to see where the job was told and where it was asked for."""

        def is_resolved() -> bool:
            message = self._zulip.message(card)
            return message is not None and message.topic.startswith(RESOLVED_PREFIX)

        def is_marked() -> bool:
            message = self._zulip.message(asked)
            return message is not None and message.has_reaction(CHECK.code, self._cast.bot.id)

        self._pass(f"the topic is resolved: ✔ {topic}", holds=self._eventually(is_resolved))
        self._pass("the bot's ✅ on the command", holds=self._eventually(is_marked))

    def _show_manifest(self, end: SeenMessage) -> None:
        """The commit record of the snapshot that was told, as it lies in the local store."""
        store = next(each.path for each in self._stage.stores if each.path is not None)
        path = manifest.manifest_path(store, _snapshot_in(end))
        self._transcript.forget_place()
        self._say(f"── The manifest, {path}")
        try:
            self._say(manifest.shown(path, self._transcript.paper.width))
        except (OSError, ValueError) as error:
            self._say(f"     {error}")
        self._pass("the manifest in the local store", holds=path.is_file())

    def _let_observer_look(self, since: datetime) -> None:
        """Who types `backups` has read the manifest meanwhile; a tour is faster than that."""

        def has_looked() -> bool:
            try:
                looked = read_facts(self._stage.state)
            except FactsError:
                return False
            return looked is not None and looked.started_at >= since

        self._eventually(has_looked)

    # The schedule.

    def _see_schedule(self) -> None:
        topic = schedule_topic(SCHEDULE.name)
        if not self._zulip.messages(self._cast.ops, topic):
            self._say(
                f"Waiting for the schedule `{SCHEDULE.name}`, due at the next full minute ..."
            )
        self._judge(REPORT, self._next(topic, 0, self._patience.schedule))

    # Seeing and judging.

    def _next(self, topic: str, after: int, limit: timedelta | None = None) -> SeenMessage | None:
        """The bot's first message in a topic beyond an id, resolved or not."""

        def is_it(message: SeenMessage) -> bool:
            return message.sender_id == self._cast.bot.id and unresolved(message.topic) == topic

        try:
            return self._zulip.wait_for(is_it, limit or self._patience.answer, after=after)
        except TimeoutError:
            return None

    def _eventually(self, holds: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self._patience.answer.total_seconds()
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def _judge(self, expected: Expected, answer: SeenMessage | None) -> SeenMessage | None:
        if answer is None:
            self._say("     (No answer came.)")
        else:
            self._say(self._transcript.message(answer))
        holds = answer is not None and expected.holds(answer.content)
        self._pass(expected.sentence, holds=holds)
        return answer

    def _pass(self, sentence: str, *, holds: bool) -> None:
        self._verdicts.append(holds)
        number = len(self._verdicts)
        self._say(f"ok {number}: {sentence}" if holds else f"FAILED {number}: expected {sentence}")

    def _show(self, message_id: int) -> None:
        message = self._zulip.message(message_id)
        if message is not None:
            self._say(f"\n{self._transcript.message(message)}")

    def _reactions(self, message_id: int) -> str:
        message = self._zulip.message(message_id)
        return self._transcript.reactions(message, self._cast.names()) if message else "none"

    def _summed_up(self) -> bool:
        good = sum(self._verdicts)
        self._say(f"\nThe tour: {good} of {len(self._verdicts)} as expected.")
        return good == len(self._verdicts)


def _tells_end(message: SeenMessage) -> bool:
    """The end is told to the person who asked, with a mention; nothing before it is."""
    return "@**" in message.content


def _snapshot_in(end: SeenMessage) -> str:
    found = _SNAPSHOT.search(end.content)
    return found.group(0) if found else "no-snapshot-was-named"
