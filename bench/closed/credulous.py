"""A reader that helps itself where the server does not answer: the fault that has to be noticed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.events import Event, Observed
from bot.observations import Question, Unreadable
from bot.reader import Reader
from bot.zulip_client import ZulipClient
from handlers.contract import Clock

PATIENCE = timedelta(seconds=10)


class CredulousReader:
    """Takes for the truth what it has from elsewhere, as a cache of accounts would."""

    def __init__(
        self,
        client: ZulipClient,
        elsewhere: ZulipClient,
        clock: Clock,
        deliver: Callable[[Event], None],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._asked: dict[int, Question] = {}
        self._reader = Reader(client, clock, self._doubt, threads=1)
        self._elsewhere = Reader(elsewhere, clock, deliver, threads=1)

    def start(self) -> None:
        self._reader.start()
        self._elsewhere.start()

    def ask(self, question_id: int, question: Question, deadline: datetime) -> None:
        self._asked[question_id] = question
        self._reader.ask(question_id, question, deadline)

    def stop(self) -> bool:
        return self._reader.stop() and self._elsewhere.stop()

    def _doubt(self, event: Event) -> None:
        assert isinstance(event, Observed)
        if not isinstance(event.observation.seen, Unreadable):
            self._deliver(event)
            return
        question = self._asked[event.question_id]
        self._elsewhere.ask(event.question_id, question, self._clock.now() + PATIENCE)
