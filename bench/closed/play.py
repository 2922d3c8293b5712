"""One plan after another, each question about it answered wrongly first, and rightly at last."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import cycle
from random import Random

from bench.closed.answers import ANSWERS, WrongAnswer
from bench.closed.one_bot import Decide, OneBot, Question
from bot.deciding.effects import Effect, ReadReadership
from bot.demo.zulip.model.people import Person
from bot.events import ReactionChanged
from bot.vigilance import read_only
from handlers.errors import HostFailure
from jobs.lifecycle import FINAL
from state import approval_store, inbox, job_store
from state.database import Transaction

#: A wrong answer is not waited for any longer than this, and not asked for again.
IMPATIENT = timedelta(milliseconds=150)
PATIENT = timedelta(seconds=10)
ARMING = timedelta(seconds=20)
#: Longer than a look counts for.
TOO_LONG = timedelta(seconds=11)
#: So many wrong answers to each question of a plan's life.
WRONG_ANSWERS = 8
#: After so many of the plans the channel is looked at as well.
CHANNEL_SHARE = 0.2
#: There is more than one way to answer garbage.
DRAWN = ("500", "429", "nothing", *["garbage"] * 3)


class Way(StrEnum):
    """How somebody consents."""

    REACTION = "reaction"
    WORD = "word"
    YES = "yes"


@dataclass(slots=True)
class Tally:
    """What came of it."""

    #: Questions that were answered wrongly, by the name of the answer.
    reads: Counter[str] = field(default_factory=Counter)
    #: Those in which the bot went on all the same, in words.
    approved: list[str] = field(default_factory=list)
    #: Plans that a wrong answer ended: closed, but a nuisance.
    ended: int = 0
    plans: int = 0
    #: Plans that were started once every question was answered rightly.
    started: int = 0

    @property
    def total(self) -> int:
        return sum(self.reads.values())


@dataclass(slots=True)
class Play:
    """Draws by lot which answers are wrong, and how."""

    bot: OneBot
    random: Random
    tally: Tally = field(default_factory=Tally)
    _decks: dict[str, Iterator[WrongAnswer]] = field(default_factory=dict)
    _command: int = 0
    _job: int | None = None

    def run(self, reads: int) -> Tally:
        """Until so many questions were answered wrongly."""
        while self.tally.total < reads:
            self.tally.plans += 1
            if self._one_plan(self.random.choice(list(Way))):
                self.tally.started += 1
            self.bot.clear_away()
            if self.random.random() < CHANNEL_SHARE:
                self._close_channel()
        return self.tally

    def _close_channel(self) -> None:
        """While others can read the channel nothing is changed; a right answer alone ends that."""
        self._command, self._job = 0, None
        question = ReadReadership(self.bot.cast.ops.id)
        self.bot.open_channel(to_others=True)
        self.bot.look(question, PATIENT)
        self.bot.open_channel(to_others=False)
        if not self._answered(question, {"channel": "/api/v1/users/me/subscriptions"}):
            # As root would, so that the next plan finds the bot as it was.
            self.bot.look(question, PATIENT)
        self.bot.clear_away()

    def _one_plan(self, way: Way) -> bool:
        """Whether it was started in the end."""
        people = self.random.choice([1, 2]) if way is Way.REACTION else 1
        arming = self.random.choice([timedelta(0), ARMING]) if way is not Way.YES else timedelta(0)
        bot = self.bot
        bot.be_under(bot.policy_of(people, int(arming.total_seconds())))
        if not self._ask_for(way):
            return False
        if way is Way.YES:
            bot.free()
            return self._answered(self._next(_nothing_more), self._of_yes())
        consent = self._react(people) if way is Way.REACTION else self._approve()
        if consent is None:
            return False
        question, asked = consent
        if not self._answered(question, asked):
            return False
        if arming:
            bot.let_pass(ARMING)
            due = self._next(bot.decisions.consenting.armed_are_due)
            if not self._answered(due, asked):
                return False
        bot.let_pass(TOO_LONG)
        bot.free()
        return self._answered(self._next(_nothing_more), asked)

    # The stages of a plan.

    def _ask_for(self, way: Way) -> bool:
        """Iago asks; a job is made once the server says who he is. Then its plan is posted."""
        cast = self.bot.cast
        text = "@**ops** backup now" + (" --yes" if way is Way.YES else "")
        self._job = None
        self._command = self._say(cast.iago, text)
        (question,) = self.bot.receive(self._command)
        if not self._answered(question, {"asker": _person(cast.iago)}):
            return False
        self._job = self.bot.job_of(self._command)
        # Whoever consents while another job runs is asked about once more before the start.
        self.bot.occupy()
        self.bot.plan(self._job, posted=way is not Way.YES)
        return True

    def _react(self, people: int) -> tuple[Question, Mapping[str, str]]:
        bot, cast = self.bot, self.bot.cast
        card = self._card()
        voters = self.random.sample([cast.desdemona, cast.hamlet], people)
        for one in voters:
            bot.zulip.react(one, card, "check")
        question = self._next(
            lambda tx, now: bot.decisions.zulip_event(tx, ReactionChanged(card, voters[0].id), now)
        )
        asked = {f"voter {n}": _person(one) for n, one in enumerate(voters)}
        return question, {**self._messages(), **asked}

    def _approve(self) -> tuple[Question, Mapping[str, str]] | None:
        cast = self.bot.cast
        word = self._say(cast.hamlet, f"@**ops** approve {self._job}")
        (question,) = self.bot.receive(word)
        following = self._until_answered(question, {"speaker": _person(cast.hamlet)})
        if not following:
            return None
        asked = {"word": _message(word), "speaker": _person(cast.hamlet)}
        return following[0], {**self._messages(), **asked}

    def _of_yes(self) -> Mapping[str, str]:
        asker = self.bot.cast.iago
        return {"command": _message(self._command), "asker": _person(asker)}

    def _messages(self) -> Mapping[str, str]:
        return {
            "card": _message(self._card()),
            "command": _message(self._command),
        }

    # Answers.

    def _answered(self, question: Question, asked: Mapping[str, str]) -> bool:
        """Wrongly some times, then rightly; whether the right answer, and it alone, led on."""
        before = self._standing()
        return self._until_answered(question, asked) is not None and self._standing() != before

    def _until_answered(
        self, question: Question, asked: Mapping[str, str]
    ) -> list[Question] | None:
        """What has to be looked at after the right answer; None: a wrong one had an effect."""
        for _ in range(WRONG_ANSWERS):
            target = self.random.choice(sorted(asked))
            answer = self._draw(f"{type(question).__name__} {target}")
            again = self._wrongly(question, asked[target], answer)
            if again is None:
                return None
            question = again
        before = self._standing()
        found = self.bot.look(question, PATIENT)
        if self._standing() == before:
            raise HostFailure(f"Nothing came of a right answer: {before}, {question}.")
        return found

    def _wrongly(self, question: Question, path: str, answer: WrongAnswer) -> Question | None:
        """The same question anew, since nothing was learnt; None: the bot did something."""
        faults, before = self.bot.zulip.faults, self._standing()
        faults.plan(answer.fault(path, self.bot.cast.bot.email), times=1000)
        questions = self.bot.look(question, IMPATIENT)
        hits = faults.hits()
        faults.clear()
        if not hits:
            raise HostFailure(f"Nobody read {path}, so nothing was tried.")
        self.tally.reads[answer.name] += hits
        if self._standing() == before:
            # What is watched is not asked about anew by itself.
            return questions[0] if questions else question
        if self._has_ended():
            self.tally.ended += 1
        else:
            wrong = f"{answer.name} for {path}: {before}, then {self._standing()}"
            self.tally.approved.append(wrong)
        return None

    def _has_ended(self) -> bool:
        with self.bot.database.read() as tx:
            job = job_store.get(tx, self._job or 0)
        return job is not None and job.status in FINAL

    def _draw(self, what: str) -> WrongAnswer:
        """Every answer of a group comes once, in some order, before any comes again."""
        group = self.random.choice(DRAWN)
        deck = f"{group} {what}"
        if deck not in self._decks:
            answers = [one for one in ANSWERS if one.group == group]
            self._decks[deck] = cycle(self.random.sample(answers, len(answers)))
        return next(self._decks[deck])

    def _standing(self) -> tuple[object, ...]:
        """How far the plan has come: a wrong answer must leave this as it is."""
        with self.bot.database.read() as tx:
            entry = inbox.by_message(tx, 1, self._command)
            made = None if entry is None else entry.job_id
            job = None if made is None else job_store.get(tx, made)
            request = None if made is None else approval_store.get(tx, made)
            closed = read_only.because(tx) is None
        consent = request and (request.status, request.armed_until, len(request.spoken))
        return made, job and job.status, consent, self.bot.starts, closed

    # What else has to happen.

    def _next(self, decide: Decide) -> Question:
        (question,) = self.bot.decide(decide)
        return question

    def _say(self, person: Person, text: str) -> int:
        place = self.bot.cast.ops, f"talk {self.tally.plans}"
        return self.bot.zulip.post(person, *place, text, timestamp=self.bot.clock.now())

    def _card(self) -> int:
        with self.bot.database.read() as tx:
            job = job_store.get(tx, self._job or 0)
        assert job is not None
        assert job.card_message_id is not None
        return job.card_message_id


def _person(person: Person) -> str:
    return f"/api/v1/users/{person.id}"


def _message(message_id: int) -> str:
    return f"/api/v1/messages/{message_id}"


def _nothing_more(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
    """What may start is looked for after any decision."""
    del tx, now
    return ()
