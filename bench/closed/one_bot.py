"""The bot's real decisions and its real reader, which asks the simulated Zulip over HTTP."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from queue import SimpleQueue
from typing import Protocol

from bench.consent.world import digest
from bench.without_hands import asked_by_root, decisions, planned
from bot.deciding.decisions import About, Decisions, question_about
from bot.deciding.effects import Effect, ReadCard, ReadPerson, ReadReadership, StartRun
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.server import SimulatedZulip
from bot.events import Event, MessageArrived, Observed
from bot.hands import Asks
from bot.identity import Identity
from bot.observations import MessageQuestion, PersonQuestion, ReadershipQuestion
from bot.zulip_api.answers import Ok
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from jobs.configuration import EffectPolicy, Policy
from jobs.journal import RUN, RunName
from jobs.lifecycle import Status
from jobs.watcher import RunEnded
from state import inbox, job_store, outbox
from state.database import Database, Transaction

#: Nothing that is looked for takes so long.
LONGEST_SECONDS = 30

Question = ReadCard | ReadPerson | ReadReadership
Decide = Callable[[Transaction, datetime], Iterable[Effect]]


class Reads(Asks, Protocol):
    """A reader with its threads."""

    def start(self) -> None:
        """From now on it answers."""

    def stop(self) -> bool:
        """No more."""


MakeReader = Callable[[ZulipClient, Clock, Callable[[Event], None]], Reads]


@dataclass(slots=True)
class WalkingClock:
    """The time on the wall, plus what was let pass."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class OneBot:
    """What the dispatcher does, one step at a time, as the measurement says."""

    zulip: SimulatedZulip
    cast: Cast
    database: Database
    make_reader: MakeReader
    clock: WalkingClock = field(default_factory=WalkingClock)
    #: Runs that were started, plans not counted.
    starts: int = 0
    decisions: Decisions = field(init=False)
    _client: ZulipClient = field(init=False)
    _reader: Reads = field(init=False)
    _seen: SimpleQueue[Event] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        bot = self.cast.bot
        self._client = ZulipClient(site=self.zulip.url, email=bot.email, key=bot.api_key)
        self._reader = self.make_reader(self._client, self.clock, self._seen.put)
        self.decisions = self._decisions(self.policy_of(people=1, arming_seconds=0))
        self._reader.start()

    def close(self) -> None:
        self._reader.stop()
        self._client.close()

    def policy_of(self, people: int, arming_seconds: int) -> Policy:
        """Iago asks; so many of Desdemona and Hamlet approve, or he says so with `--yes`."""
        cast = self.cast
        approvers = (cast.desdemona.id, cast.hamlet.id)
        return Policy(
            roles={"operator": (cast.iago.id,), "approver": approvers},
            read=EffectPolicy(ask=("operator", "approver")),
            routine=EffectPolicy(
                ask=("operator",),
                approve=("approver",),
                people=people,
                yes=True,
                arming_seconds=arming_seconds,
            ),
        )

    def open_channel(self, *, to_others: bool) -> None:
        """So that people whom nobody lists can read it, or only those who are listed."""
        with self.zulip.changing():
            self.cast.ops.private = not to_others

    def be_under(self, policy: Policy) -> None:
        """Nothing may be waiting: another policy voids it."""
        self.decisions = self._decisions(policy)

    def _decisions(self, policy: Policy) -> Decisions:
        cast = self.cast
        identity = Identity(cast.bot.id, "ops", cast.ops.id, "ops")
        return decisions(policy, identity, commands_a_minute=10_000)

    # Jobs.

    def job_of(self, message_id: int) -> int:
        """The job that a command became."""
        with self.database.read() as tx:
            entry = inbox.by_message(tx, 1, message_id)
        assert entry is not None
        assert entry.job_id is not None
        return entry.job_id

    def plan(self, job_id: int, *, posted: bool) -> None:
        """A run brings the plan of a job; its card is posted where somebody has to see it."""
        card = f"The plan of job {job_id}."
        ended = RunEnded(RunName(job_id, 1), planned(job_id, digest(card), self.clock.now()))
        self.decide(lambda tx, now: self.decisions.run_event(tx, ended, card, now))
        if not posted:
            return
        message_id = self.zulip.post(self.cast.bot, self.cast.ops, f"#{job_id}", card)
        with self.database.write() as tx:
            rows = outbox.next_ready(tx, self.clock.now(), 1000)
            for row in rows:
                outbox.mark_sending(tx, row.id, self.clock.now())
                is_card = row.job_id == job_id and row.role == "card"
                outbox.mark_sent(tx, row.id, message_id if is_card else None, self.clock.now())

    def occupy(self) -> None:
        """Root has a job of their own run, so that nothing else may."""
        with self.database.write() as tx:
            job = self.decisions.engine.accept(tx, asked_by_root(), self.clock.now()).job
            self._move(tx, job.id, Status.PLANNING, Status.QUEUED, Status.RUNNING)

    def free(self) -> None:
        """The job that runs ends."""
        with self.database.write() as tx:
            for job in job_store.in_status(tx, Status.RUNNING):
                self._move(tx, job.id, Status.RUNNING, Status.SUCCEEDED)

    def clear_away(self) -> None:
        """Whatever became of the jobs there are, they are over, and nothing is left to be said."""
        now = self.clock.now()
        self.free()
        with self.database.write() as tx:
            for job in job_store.open_jobs(tx):
                self.decisions.engine.cancel(tx, job, "the measurement", now)
            for row in outbox.next_ready(tx, now + timedelta(days=1), 1000):
                outbox.drop(tx, row.id, "the plan is over")

    def _move(self, tx: Transaction, job_id: int, *statuses: Status) -> None:
        for before, after in pairwise(statuses):
            job_store.move(tx, job_id, before, after, actor="root", at=self.clock.now())

    # Time, and what is seen.

    def let_pass(self, time_span: timedelta) -> None:
        self.clock.ahead += time_span
        self.zulip.clock.advance(time_span)

    def receive(self, message_id: int) -> list[Question]:
        """A message arrives as an event would bring it."""
        read = self._client.message(message_id)
        assert isinstance(read, Ok)
        arrived = MessageArrived(read.value)
        return self.decide(lambda tx, now: self.decisions.zulip_event(tx, arrived, now))

    def decide(self, decide: Decide) -> list[Question]:
        """One decision, and whatever may start after it; what has to be looked at next."""
        with self.database.write() as tx:
            effects = list(decide(tx, self.clock.now()))
        going_on = True
        while going_on:
            with self.database.write() as tx:
                started = self.decisions.start_next(tx, self.clock.now())
            effects += [started] if started else []
            going_on = isinstance(started, StartRun)
        runs = [one.start.run for one in effects if isinstance(one, StartRun)]
        self.starts += sum(run.mode == RUN for run in runs)
        return [one for one in effects if isinstance(one, ReadCard | ReadPerson)]

    def look(self, asked: Question, patience: timedelta) -> list[Question]:
        """Have the reader look, and decide on what it saw."""
        if isinstance(asked, ReadPerson):
            number = question_about(asked.entry_id, About.SENDER)
            self._reader.ask(number, PersonQuestion(asked.user_id), self.clock.now() + patience)
        elif isinstance(asked, ReadReadership):
            number = question_about(0, About.READERSHIP)
            about = ReadershipQuestion(asked.channel_id)
            self._reader.ask(number, about, self.clock.now() + patience)
        else:
            question = MessageQuestion(asked.message_id, asked.voters, asked.speakers, asked.others)
            self._reader.ask(asked.question_id, question, self.clock.now() + patience)
        seen = self._seen.get(timeout=LONGEST_SECONDS)
        assert isinstance(seen, Observed)
        return self.decide(lambda tx, now: self._on(tx, asked, seen, now))

    def _on(
        self, tx: Transaction, asked: Question, seen: Observed, now: datetime
    ) -> tuple[Effect, ...]:
        if isinstance(asked, ReadPerson):
            settling = self.decisions.settling
            return settling.person_seen(tx, asked.entry_id, seen.observation, now)
        if isinstance(asked, ReadReadership):
            return self.decisions.readership_seen(tx, 0, seen.observation, now)
        consenting = self.decisions.consenting
        job_id, effects = consenting.observed(tx, seen.question_id, seen.observation, now)
        started = self.decisions.start_next(tx, now, job_id) if job_id else None
        return (*effects, started) if started else effects
