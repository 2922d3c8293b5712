"""Plays one random story against the bot's real decisions, and has each start judged."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bench.consent.one_bot import OneBot
from bench.consent.world import (
    ASKER,
    EMOJI,
    PEOPLE,
    Account,
    Post,
    digest,
    nothing,
    seen,
)
from bench.without_hands import KnownPolicy, asked_by_root
from bot.deciding.effects import Effect
from bot.events import (
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    ReactionChanged,
    ZulipEvent,
)
from bot.observations import MessageQuestion, Observation
from handlers.contract import JSON
from jobs.lifecycle import Status
from state import approval_store, job_store
from state.database import Transaction

STEPS = 50


class Play(OneBot):
    """One random story."""

    def run(self, steps: int = STEPS) -> None:
        for _ in range(steps):
            self.random.choice(MOVES)(self)
            self._take_a_breath()
        self._end_job()

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
        event = hint.event
        if isinstance(event, ReactionChanged) and event.user_id not in rules.approvers | {ASKER}:
            # A crowd must not put off what those who count have said: a look under way stays good.
            return
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
                other = self._decisions.engine.accept(tx, asked_by_root(), self.now).job
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
