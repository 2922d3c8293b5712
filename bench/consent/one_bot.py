"""The bot's real decisions with one job at a time in a small world, and its starts judged."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from bench.consent.oracle import Oracle, Rules
from bench.consent.world import (
    ASKER,
    BOT,
    LISTED,
    Post,
    World,
    digest,
)
from bench.without_hands import decisions, planned
from bot.deciding.decisions import Decisions
from bot.deciding.effects import Effect, ReadCard, StartRun
from bot.events import (
    RowSent,
    ZulipEvent,
)
from bot.identity import Identity
from bot.observations import Observation
from handlers.errors import Reason
from handlers.registry import declaration
from jobs.configuration import EffectPolicy, Policy
from jobs.engine import Asked, Consent
from jobs.journal import RUN, ResultStatus, RunName, RunResult
from jobs.lifecycle import FINAL, Status
from jobs.watcher import RunEnded
from state import inbox, job_store, outbox
from state.database import Database, Transaction
from state.inbox import NewEntry

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CARD = "The plan."
COMMAND = "@**ops** backup now"


@dataclass(frozen=True, slots=True)
class Hint:
    """An event that tells of a change to one message, and when that happened."""

    happened: datetime
    message: int
    event: ZulipEvent


@dataclass(slots=True)
class OneBot:
    """One bot, one world, one job at a time."""

    database: Database
    random: Random
    #: Message ids begin here; no two stories in one database share any.
    next_message: int
    now: datetime = START
    world: World = field(default_factory=World)
    #: Questions that the reader has, and observations on their way.
    asked: list[ReadCard] = field(default_factory=list)
    under_way: list[tuple[int, Observation]] = field(default_factory=list)
    #: Of changes that the bot has not been told of.
    hints: list[Hint] = field(default_factory=list)
    illegal: list[str] = field(default_factory=list)
    starts: int = 0
    _decisions: Decisions = field(init=False)
    _oracle: Oracle = field(init=False)
    _job: int = 0

    def __post_init__(self) -> None:
        self._policy_number = 0
        self._decisions = self._bot(self._policy(0))
        self._new_job()

    _policy_number: int = 0

    # The bot

    def _policy(self, number: int) -> Policy:
        """Terms drawn by lot; another number is another policy."""
        lot = Random(number * 7919 + self.random.randrange(1000))
        return Policy(
            roles={"operator": (ASKER,), "approver": LISTED, f"number{number}": ()},
            read=EffectPolicy(ask=("operator",)),
            routine=EffectPolicy(
                ask=("operator",),
                approve=lot.choice([("approver",), ("approver", "operator"), ("approver",), ()]),
                people=lot.choice([1, 1, 2]),
                self_approval=lot.random() < 0.2,
                yes=True,
                expires_minutes=lot.choice([2, 30]),
                arming_seconds=lot.choice([0, 0, 20]),
            ),
        )

    def _bot(self, policy: Policy) -> Decisions:
        return decisions(policy, Identity(BOT, "ops", 1, "ops"), commands_a_minute=10)

    def _decide(self, decide: Callable[[Transaction, datetime], tuple[Effect, ...]]) -> None:
        with self.database.write() as tx:
            effects = decide(tx, self.now)
        self._carry_out(effects)
        self._start_what_may()

    def _start_what_may(self) -> None:
        going_on = True
        while going_on:
            with self.database.write() as tx:
                effect = self._decisions.start_next(tx, self.now)
            going_on = isinstance(effect, StartRun)
            self._carry_out((effect,) if effect else ())

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, ReadCard):
                self.asked.append(effect)
            elif isinstance(effect, StartRun) and effect.start.run.mode == RUN:
                self._started(effect)

    def _started(self, effect: StartRun) -> None:
        self.starts += 1
        wrong = self._oracle.why_illegal(self.now)
        if wrong is not None:
            self.illegal.append(f"job {effect.start.job.id}: {wrong}")

    # A job

    def _new_job(self) -> None:
        """Asked for, planned, its card posted."""
        self.asked.clear()
        command, card = self._number(), self._number()
        posts = {command: Post(ASKER, COMMAND), card: Post(BOT, CARD)}
        self.world = replace(self.world, posts=posts, reactions=frozenset(), words={})
        if self.random.random() < 0.8:
            self.world = replace(self.world, people=World().people)
        by_word = self.random.random() < 0.2
        policy = self._decisions.engine.policy
        asked = Asked(
            declaration=declaration("backup now"),
            arguments={},
            command="backup now",
            origin="chat",
            asker_id=ASKER,
            asker_name="Asker",
            message_id=command,
            message_sha256=digest(COMMAND),
            inbox_id=None,
            consent=Consent.YES if by_word else Consent.REACTION,
        )
        with self.database.write() as tx:
            entry = inbox.add(tx, self._entry(command))
            assert entry is not None
            start = self._decisions.engine.accept(tx, asked, self.now)
            inbox.answer(tx, entry.id, Reason.DONE.value, start.job.id, self.now)
        self._job = start.job.id
        assert start.job.expires_at is not None
        chosen = policy.routine
        confirms = by_word or not chosen.approve
        listed = {one for role in chosen.approve for one in policy.roles[role]}
        self._oracle = Oracle(
            Rules(
                approvers=frozenset({ASKER} if confirms else listed),
                needed=1 if confirms else chosen.people or 1,
                self_counts=confirms or chosen.self_approval,
                arming=timedelta(seconds=0 if by_word else chosen.arming_seconds or 0),
                expires_at=start.job.expires_at,
                card=command if by_word else card,
                command=command,
                policy=self.world.policy,
            )
        )
        if by_word:
            self.world = replace(self.world, words={command: ASKER})
        self._oracle.note(self.now, self.world)
        self.hints.clear()
        self.under_way.clear()
        ended = RunEnded(RunName(start.job.id, start.run.attempt), self._planned(start.job.id))
        self._decide(lambda tx, now: self._decisions.run_event(tx, ended, CARD, now))
        if not by_word:
            self._post(card)

    def _entry(self, command: int) -> NewEntry:
        return NewEntry(
            origin="chat",
            source_key=f"chat/1/{self._job}/{command}",
            epoch=1,
            message_id=command,
            sender_id=ASKER,
            sender_name="Asker",
            content="backup now",
            content_sha256=digest(COMMAND),
            channel_id=1,
            topic="talk",
            direct=False,
            client="website",
            sent_at=self.now,
            received_at=self.now,
        )

    def _planned(self, job: int) -> RunResult:
        return planned(job, digest(CARD), self.now)

    def _post(self, card: int) -> None:
        with self.database.write() as tx:
            rows = [row for row in outbox.next_ready(tx, self.now, 1000) if row.job_id == self._job]
            for row in rows:
                outbox.mark_sending(tx, row.id, self.now)
                outbox.mark_sent(tx, row.id, card if row.role == "card" else None, self.now)
        for row in rows:
            if row.role == "card":
                event = RowSent(row.id, row.job_id, row.role, card)
                self._decide(partial(self._row_sent, event))

    def _row_sent(self, event: RowSent, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        return self._decisions.row_sent(tx, event, now)

    def _end_job(self) -> None:
        """Whatever became of it, it is over: the host is free for the next."""
        with self.database.write() as tx:
            job = job_store.get(tx, self._job)
            assert job is not None
            if job.status not in FINAL and job.status != Status.RUNNING:
                self._decisions.engine.cancel(tx, job, "the end of the story", self.now)
            elif job.status == Status.RUNNING:
                done = replace(
                    self._planned(job.id), mode=RUN, attempt=2, status=ResultStatus.SUCCEEDED
                )
                ended = RunEnded(RunName(job.id, 2), done)
                self._decisions.run_event(tx, ended, None, self.now)
            for row in outbox.next_ready(tx, self.now + timedelta(days=1), 1000):
                outbox.drop(tx, row.id, "the story is over")

    def _take_a_breath(self) -> None:
        with self.database.read() as tx:
            job = job_store.get(tx, self._job)
        assert job is not None
        if job.status in FINAL or (job.status == Status.RUNNING and self.random.random() < 0.5):
            self._end_job()
            self._new_job()

    # The world

    def _number(self) -> int:
        self.next_message += 1
        return self.next_message

    def _become(self, world: World, message: int = 0, event: ZulipEvent | None = None) -> None:
        self.now += timedelta(milliseconds=self.random.randrange(1, 400))
        self.world = world
        self._oracle.note(self.now, world)
        if event is not None:
            self.hints.append(Hint(self.now, message, event))
