"""Plays one random story against the bot's real decisions, and has each start judged."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from bench.consent.oracle import Oracle, Rules
from bench.consent.world import (
    ASKER,
    BOT,
    EMOJI,
    LISTED,
    PEOPLE,
    Account,
    Post,
    World,
    digest,
    nothing,
    seen,
)
from bot.commands.contract import Installation
from bot.commands.registry import verbs
from bot.deciding.decisions import Decisions
from bot.deciding.effects import Effect, ReadCard, StartRun
from bot.deciding.quota import Quota
from bot.events import (
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    ReactionChanged,
    RowSent,
    ZulipEvent,
)
from bot.grammar import Grammar
from bot.identity import Identity
from bot.observations import MessageQuestion, Observation
from handlers.contract import JSON, Plan
from handlers.errors import Reason
from handlers.host.settings import HostSettings
from handlers.registry import declaration
from jobs.configuration import EffectPolicy, Policy
from jobs.engine import Asked, Consent, Engine
from jobs.journal import RUN, ResultStatus, RunName, RunResult
from jobs.lifecycle import FINAL, Status
from jobs.policy_file import PolicyFile
from jobs.watcher import RunEnded
from state import approval_store, inbox, job_store, outbox
from state.database import Database, Transaction
from state.inbox import NewEntry

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CARD = "The plan."
COMMAND = "@**ops** backup now"
STEPS = 50


@dataclass(frozen=True, slots=True)
class Hint:
    """An event that tells of a change to one message, and when that happened."""

    happened: datetime
    message: int
    event: ZulipEvent


@dataclass(slots=True)
class KnownPolicy(PolicyFile):
    """A policy that changes when the story says so, without a file."""

    def refresh(self) -> None:
        """Nothing to read."""

    def become(self, policy: Policy) -> None:
        self.policy = policy
        PolicyFile.__post_init__(self)


@dataclass(slots=True)
class Play:
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

    def run(self, steps: int = STEPS) -> None:
        for _ in range(steps):
            self.random.choice(MOVES)(self)
            self._take_a_breath()
        self._end_job()

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
        engine = Engine(1, "host", HostSettings(root=Path("/nowhere")), (), policy)
        about = Installation(
            host_id="host",
            epoch=1,
            bot_name="ops",
            channel="ops",
            policy=policy,
            verbs=verbs(),
            tz="UTC",
            state_directory=Path("/nowhere"),
            runs_directory=Path("/nowhere/runs"),
        )
        file = KnownPolicy(Path("/nowhere/zulip-ops.toml"), policy)
        identity = Identity(BOT, "ops", 1, "ops")
        return Decisions(engine, about, Grammar(verbs()), identity, file, Quota(10))

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
        planned = RunEnded(RunName(start.job.id, start.run.attempt), self._planned(start.job.id))
        self._decide(lambda tx, now: self._decisions.run_event(tx, planned, CARD, now))
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
        return RunResult(
            job=job,
            attempt=1,
            mode="plan",
            status=ResultStatus.PLANNED,
            reason=Reason.DONE,
            sentence="It would be done.",
            state="as it was.",
            started_at=self.now,
            ended_at=self.now,
            boot_id="boot",
            plan=Plan("A plan.", {"a": 1}, ("Copy",), "None needed."),
            fingerprint=f"{job:064d}",
            card_sha256=digest(CARD),
        )

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

    # What happens

    def _number(self) -> int:
        self.next_message += 1
        return self.next_message

    def _become(self, world: World, message: int = 0, event: ZulipEvent | None = None) -> None:
        self.now += timedelta(milliseconds=self.random.randrange(1, 400))
        self.world = world
        self._oracle.note(self.now, world)
        if event is not None:
            self.hints.append(Hint(self.now, message, event))

    def react(self) -> None:
        card = self._oracle.rules.card
        person, emoji = self.random.choice(PEOPLE), self._emoji()
        mine = (person, emoji)
        reactions = self.world.reactions ^ {mine}
        changed = replace(self.world, reactions=reactions)
        self._become(changed, card, ReactionChanged(card, person))

    def _emoji(self) -> tuple[str, str]:
        return self.random.choice([EMOJI[0]] * 9 + list(EMOJI))

    def speak(self) -> None:
        """`approve`, by somebody whom the bot lets say so."""
        rules = self._oracle.rules
        may = rules.approvers if rules.self_counts else rules.approvers - {ASKER}
        if not may or rules.card == rules.command:
            return
        person, message = self.random.choice(sorted(may)), self._number()
        self._become(self.world.with_post(message, Post(person, "@**ops** approve")))
        word: dict[str, JSON] = {
            "user_id": person,
            "message_id": message,
            "content_sha256": digest("@**ops** approve"),
        }

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            request = approval_store.get(tx, self._job)
            if (
                request is None
                or request.message_id is None
                or not (approval_store.speak(tx, self._job, word))
            ):
                return ()
            others = {one: who for one, who in self.world.words.items() if who != person}
            self._become(replace(self.world, words={**others, message: person}))
            return self._decisions.consenting.voted(tx, self._job, now)

        self._decide(decide)

    def spoil(self) -> None:
        """Somebody edits, moves or deletes one of the messages."""
        if self.random.random() < 0.6:
            return
        message = self.random.choice(sorted(self.world.posts))
        post = self.world.posts[message]
        what = self.random.choice(["edited", "moved", "gone", "content"])
        changed = {
            "edited": replace(post, edited=True),
            "moved": replace(post, moved=True),
            "gone": replace(post, gone=True),
            "content": replace(post, content=post.content + "!", edited=True),
        }[what]
        events: dict[str, ZulipEvent] = {
            "edited": MessageEdited(message, post.content),
            "content": MessageEdited(message, changed.content),
            "moved": MessagesMoved((message,), 1, "elsewhere"),
            "gone": MessagesDeleted((message,)),
        }
        self._become(self.world.with_post(message, changed), message, events[what])

    def change_somebody(self) -> None:
        """A role or an account changes; nobody tells the bot."""
        person = self.random.choice(PEOPLE)
        account = self.random.choice(
            [Account(), Account(), Account(is_active=False), Account(is_guest=True)]
        )
        self._become(self.world.with_account(person, account))

    def change_policy(self) -> None:
        if self.random.random() < 0.8:
            return
        self._policy_number += 1
        policy = self._policy(self._policy_number)
        file = self._decisions.policy_file
        assert isinstance(file, KnownPolicy)
        file.become(policy)
        self._become(replace(self.world, policy=self._policy_number))

    def notice_policy(self) -> None:
        """The bot looks at the file, as it does before each event."""
        anew = self._decisions.of_present_policy()
        if anew is not None:
            self._decisions = anew
            self._decide(anew.consenting.read_all_again)

    def tell(self) -> None:
        """One of the hints reaches the bot, in any order, perhaps twice."""
        if not self.hints:
            return
        number = self.random.randrange(len(self.hints))
        hint = self.hints[number]
        if self.random.random() < 0.8:
            del self.hints[number]
        self._decide(lambda tx, now: self._decisions.zulip_event(tx, hint.event, now))
        rules = self._oracle.rules
        if hint.message in {rules.card, rules.command, *self.world.words}:
            self._oracle.told_at = max(hint.happened, self._oracle.told_at or hint.happened)

    def fetch(self) -> None:
        """The reader looks; what it saw is on its way."""
        if not self.asked:
            return
        number = self.random.randrange(len(self.asked))
        question = self.asked.pop(number)
        began = self.now
        people = question.voters | question.speakers
        found = seen(self.world, question.message_id, question.others, people)
        if self.random.random() < 0.1:
            found = nothing()
        self.now += timedelta(milliseconds=self.random.randrange(1, 300))
        about = MessageQuestion(question.message_id, question.voters)
        look = Observation(about, found, began, self.now)
        self.under_way.append((question.question_id, look))

    def deliver(self) -> None:
        """One observation arrives, in any order, perhaps twice."""
        if not self.under_way:
            return
        number = self.random.randrange(len(self.under_way))
        question_id, look = self.under_way[number]
        if self.random.random() < 0.8:
            del self.under_way[number]

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            job_id, effects = self._decisions.consenting.observed(tx, question_id, look, now)
            started = self._decisions.start_next(tx, now, job_id) if job_id else None
            return (*effects, started) if started else effects

        self._decide(decide)

    def read_it(self) -> None:
        """The usual course: asked, looked, told."""
        self.tell()
        self.fetch()
        self.deliver()

    def let_pass(self) -> None:
        self.now += timedelta(seconds=self.random.choice([1, 3, 8, 15, 30]))
        self._oracle.note(self.now, self.world)

    def let_much_pass(self) -> None:
        if self.random.random() < 0.2:
            self.now += timedelta(minutes=self.random.choice([1, 20]))
            self._oracle.note(self.now, self.world)

    def tick(self) -> None:
        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            self._decisions.expire(tx, now)
            return self._decisions.consenting.armed_are_due(tx, now)

        self._decide(decide)

    def restart(self) -> None:
        """The bot dies: what the reader had is lost, what was stored is read again."""
        if self.random.random() < 0.7:
            return
        self.asked.clear()
        file = self._decisions.policy_file
        self._decisions = self._bot(file.policy)
        self._decide(self._decisions.reopened)
        self._decide(self._decisions.consenting.read_all_again)

    def occupy(self) -> None:
        """Another job holds the host for a while, so that this one has to queue."""
        if self.random.random() < 0.5:
            return
        with self.database.write() as tx:
            busy = job_store.in_status(tx, Status.RUNNING)
            others = [job for job in busy if job.id != self._job]
            for job in others:
                job_store.move(
                    tx, job.id, Status.RUNNING, Status.SUCCEEDED, actor="play", at=self.now
                )
            if not busy:
                asked = Asked(
                    declaration=declaration("backup now"),
                    arguments={},
                    command="backup now",
                    origin="host",
                    asker_id=None,
                    asker_name="root",
                    message_id=None,
                    message_sha256=None,
                    inbox_id=None,
                    consent=Consent.ROOT,
                )
                other = self._decisions.engine.accept(tx, asked, self.now).job
                for from_, to in (
                    (Status.PLANNING, Status.QUEUED),
                    (Status.QUEUED, Status.RUNNING),
                ):
                    job_store.move(tx, other.id, from_, to, actor="play", at=self.now)


MOVES: tuple[Callable[[Play], None], ...] = (
    *[Play.react] * 9,
    Play.speak,
    Play.spoil,
    Play.change_somebody,
    Play.change_policy,
    Play.notice_policy,
    *[Play.tell] * 4,
    *[Play.fetch] * 4,
    *[Play.deliver] * 4,
    *[Play.read_it] * 9,
    *[Play.let_pass] * 2,
    Play.let_much_pass,
    *[Play.tick] * 2,
    Play.restart,
    Play.occupy,
)
