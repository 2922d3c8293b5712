"""What each event means: pure of network and process, one transaction handed in."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from bot.commands.contract import Asker, Installation
from bot.deciding.answering import Answering
from bot.deciding.consenting import Consenting
from bot.deciding.effects import Effect, StartRun
from bot.deciding.following import Following
from bot.deciding.gathering import Gathering
from bot.deciding.intake import Intake, needs_person
from bot.deciding.outgoing import HOLDS_TOPIC, Outgoing
from bot.deciding.quota import Quota
from bot.deciding.scheduling import Scheduling
from bot.deciding.settling import Settling
from bot.deciding.timekeeping import Timekeeping
from bot.events import (
    AuditRead,
    EpochEnded,
    MessageArrived,
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    ReactionChanged,
    RowSent,
    ServerRestarted,
    ZulipEvent,
)
from bot.grammar import Grammar
from bot.identity import UNKNOWN, Identity
from bot.observations import Observation
from bot.replies.holding import HoldEnded
from bot.understanding.gate import Gate
from bot.vigilance import audit_watch, moved_topics, new_epoch, own_account
from bot.vigilance.channel_watch import ChannelWatch
from handlers.errors import Reason
from handlers.host import process_table
from handlers.registry import declaration
from jobs.engine import Engine, LookAgain, Start
from jobs.journal import RUN
from jobs.lifecycle import Status
from jobs.policy_file import PolicyFile
from jobs.recovery import OpenRun
from jobs.watcher import RunEnded, RunLost, RunProgressed
from state import (
    anchors,
    approval_store,
    hold_store,
    inbox,
    job_store,
    run_store,
    seen_messages,
)
from state.database import Transaction

_logger = logging.getLogger(__name__)

ROOT = Asker(name="root on the host", is_root=True, zulip_role="root")


@dataclass(slots=True)
class Decisions:
    """Everything that decides, put together for one identity of the bot."""

    engine: Engine
    installation: Installation
    grammar: Grammar
    identity: Identity
    policy_file: PolicyFile
    quota: Quota
    outgoing: Outgoing = field(init=False)
    intake: Intake = field(init=False)
    answering: Answering = field(init=False)
    settling: Settling = field(init=False)
    following: Following = field(init=False)
    consenting: Consenting = field(init=False)
    timekeeping: Timekeeping = field(init=False)
    channel_watch: ChannelWatch = field(init=False)

    def __post_init__(self) -> None:
        identity, epoch = self.identity, self.engine.epoch
        gate = Gate(
            bot_id=identity.bot_id,
            bot_name=identity.bot_name,
            ops_channel_id=identity.channel_id,
            realm="",
        )
        installation = replace(
            self.installation, bot_name=identity.bot_name, channel=identity.channel
        )
        self.outgoing = Outgoing(identity.channel_id, identity.channel, identity.bot_name)
        self.intake = Intake(gate, self.quota, self.outgoing, epoch)
        self.following = Following(self.engine, self.outgoing)
        self.consenting = Consenting(
            self.engine, self.following, identity.bot_id, self.policy_file.sha256
        )
        self.answering = Answering(
            self.grammar.of_bot(identity.bot_name),
            installation,
            self.engine,
            self.outgoing,
            self.following,
            self.consenting,
            Scheduling(self.grammar, installation.tz),
        )
        self.settling = Settling(
            self.answering,
            self.outgoing,
            Gathering(self.outgoing, self.quota),
            self.installation.policy,
        )
        self.timekeeping = Timekeeping(self.engine.policy, epoch)
        self.channel_watch = ChannelWatch(identity, installation.channel_may_be_open)

    def of_present_policy(self) -> "Decisions | None":
        """The same by the policy that the file holds now; None while it is the one in force."""
        self.policy_file.refresh()
        policy = self.policy_file.policy
        if policy == self.engine.policy:
            return None
        anew = replace(
            self,
            engine=replace(self.engine, policy=policy),
            installation=replace(self.installation, policy=policy),
        )
        return anew.continuing(self)

    def continuing(self, before: "Decisions") -> "Decisions":
        """Take over what is only remembered: who waits for what, and which steps were seen."""
        self.following.steps.update(before.following.steps)
        self.settling.pending.update(before.settling.pending)
        self.settling.people.update(before.settling.people)
        self.settling.askers = before.settling.askers
        self.answering.versions = before.answering.versions
        return self

    def begin_epoch(
        self, tx: Transaction, ended: EpochEnded, now: datetime
    ) -> tuple["Decisions", tuple[Effect, ...]]:
        """Message ids began again: whoever decides from here on, and what follows."""
        begun = new_epoch.begin(tx, ended, now)
        fresh = replace(
            self,
            engine=replace(self.engine, epoch=begun.number),
            installation=replace(self.installation, epoch=begun.number),
        )
        fresh.continuing(self)
        return fresh, new_epoch.tell(tx, fresh.following, begun, ended, now)

    def matters(self, event: ZulipEvent, now: datetime) -> bool:
        """Whether there may be anything to decide: what people say to each other costs nothing."""
        if not isinstance(event, MessageArrived) or self._is_ours(event):
            return True
        return self.intake.concerns_us(event.message, now)

    def _is_ours(self, event: MessageArrived) -> bool:
        return event.message.sender_id == self.identity.bot_id

    def zulip_event(self, tx: Transaction, event: ZulipEvent, now: datetime) -> tuple[Effect, ...]:
        """One of Zulip's events."""
        match event:
            case MessageArrived() if self._is_ours(event):
                own_account.spoke(tx, event, now)
            case MessageArrived():
                entry = self.intake.take(tx, event, now)
                return () if entry is None else self.settling.received(entry, now)
            case ReactionChanged():
                return self._reacted(tx, event, now)
            case MessageEdited():
                return self.consenting.hint(tx, event.message_id, now)
            case MessagesMoved():
                anchors.move(tx, event.message_ids, event.channel_id, event.topic, now)
                moved_topics.notice(tx, self.outgoing, event, now)
                return self._hints(tx, event.message_ids, now)
            case MessagesDeleted():
                seen_messages.forget(tx, event.message_ids)
                return self._hints(tx, event.message_ids, now)
            case ServerRestarted():
                _logger.info("Zulip was restarted and is %s now.", event.zulip_version)
        return ()

    def _reacted(
        self, tx: Transaction, event: ReactionChanged, now: datetime
    ) -> tuple[Effect, ...]:
        if event.user_id == self.identity.bot_id:
            return own_account.reacted(tx, self.following, event.message_id, now)
        return self.consenting.reacted(tx, event.message_id, event.user_id, now)

    def row_sent(self, tx: Transaction, event: RowSent, now: datetime) -> tuple[Effect, ...]:
        """A card is read once when it counts as sent: whoever was faster has reacted already, and
        that hint came while nobody knew the message."""
        if event.role != "card" or event.message_id is None:
            return ()
        return self.consenting.hint(tx, event.message_id, now)

    def _hints(
        self, tx: Transaction, message_ids: tuple[int, ...], now: datetime
    ) -> tuple[Effect, ...]:
        return tuple(
            effect
            for message_id in message_ids
            for effect in self.consenting.hint(tx, message_id, now)
        )

    def reopened(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """After a restart: every command that was received and not answered."""
        effects: list[Effect] = []
        approval_store.forget_questions(tx)
        for entry in inbox.open_entries(tx):
            if needs_person(entry) is not None:
                effects += self.settling.received(entry, now)
            elif entry.origin == "schedule":
                effects += self.settling.due(tx, entry, now)
            else:
                # Whoever typed it on the host is no longer waiting.
                inbox.answer(tx, entry.id, Reason.RUN_LOST.value, None, now)
        return tuple(effects)

    def may_rewind(self, tx: Transaction) -> bool:
        """Whether a run is under way that may take the numbers of Zulip's messages back."""
        running = job_store.in_status(tx, Status.RUNNING)
        return any(declaration(job.operation).rewinds_messages for job in running)

    def open_runs(self, tx: Transaction, now: datetime) -> list[tuple[StartRun, OpenRun]]:
        """After a restart: every run whose end was not taken in, and how to start it if need be."""
        found = []
        for run in run_store.open_runs(tx):
            job = job_store.get(tx, run.job_id)
            assert job is not None
            operation = declaration(job.operation)
            lasting = operation.changes_host and not operation.leaves_nothing
            start = Start(job, run, self.engine.spec(tx, job, run, now))
            evidence = OpenRun(
                leaves_traces=run.mode == RUN and lasting,
                intended_this_boot=run.intended_at >= process_table.booted_at(now),
                was_started=run.started_at is not None,
            )
            found.append((StartRun(start), evidence))
        return found

    def schedules(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """Whatever schedules owe by now; nothing before it is known where to say it."""
        if self.identity.channel_id == UNKNOWN:
            return ()
        return tuple(
            effect
            for entry in self.timekeeping.owed(tx, self.outgoing, now)
            for effect in self.settling.due(tx, entry, now)
        )

    def audit_owed(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """The day's reading of the audit log; nothing before it is known where to say it."""
        return () if self.identity.channel_id == UNKNOWN else audit_watch.owed(tx, now)

    def audit_read(self, tx: Transaction, event: AuditRead, now: datetime) -> tuple[Effect, ...]:
        """The audit log as it was read, for the day or for a command; damage is an incident."""
        if event.entry_id is None:
            audit_watch.take(tx, self.outgoing, event.seen, now)
            return ()
        if not event.seen.holds:
            audit_watch.alarm(tx, self.outgoing, event.seen, now)
        return self.settling.audit_seen(tx, event.entry_id, event.seen, now)

    def watched(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """What is owed to keeping an eye on the channel and on the bot's own account."""
        if self.identity.channel_id == UNKNOWN:
            return ()
        return (*self.channel_watch.owed(now), *own_account.overdue(tx, self.following, now))

    def readership_seen(
        self, tx: Transaction, _entry_id: int, look: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """Who can read the channel."""
        return self.channel_watch.take(tx, self.following, look, now)

    def expire(self, tx: Transaction, now: datetime) -> None:
        """End what has waited too long for consent, or with it for its turn."""
        waiting = (Status.AWAITING_APPROVAL, Status.ARMING, Status.QUEUED)
        for job in job_store.in_status(tx, *waiting):
            if job.expires_at is not None and job.expires_at <= now:
                self.following.finish(tx, self.engine.expire(tx, job, now), now)

    def end_holds(self, tx: Transaction, now: datetime) -> None:
        """Holds end by themselves, and that is told."""
        if self.identity.channel_id == UNKNOWN:
            return
        present = hold_store.open_holds(tx)
        for number, hold in enumerate(present, 1):
            if hold.until <= now:
                hold_store.end(tx, hold.id, None, actor="zulip-ops", at=now)
                ended = HoldEnded(hold.id, hold.why, None, None, len(present) - number)
                self.outgoing.say(tx, HOLDS_TOPIC, ended, now)

    def start_next(
        self, tx: Transaction, now: datetime, reread: int | None = None
    ) -> Effect | None:
        """The next job that may start, or the look that it needs first."""
        found = self.following.start_next(tx, now, reread=reread)
        if isinstance(found, LookAgain):
            return self.consenting.before_start(tx, found, now)
        return found

    def run_event(
        self,
        tx: Transaction,
        event: RunProgressed | RunEnded | RunLost,
        card: str | None,
        now: datetime,
    ) -> tuple[Effect, ...]:
        """What a run reports."""
        match event:
            case RunProgressed():
                self.following.progressed(tx, event, now)
                return ()
            case RunEnded():
                return self.following.ended(tx, event, card, now)
            case RunLost():
                return self.following.lost(tx, event, now)


class About(IntEnum):
    """What a question about a command is about."""

    SENDER = 0
    HEALTH = 1
    PEOPLE = 2
    #: Of the channel; it belongs to no command.
    READERSHIP = 3


def question_about(entry_id: int, about: About) -> int:
    """Questions about commands are not stored (the command is), so their numbers are made from
    the command's, below zero."""
    return -(len(About) * entry_id + about)


def asked_about(question_id: int) -> tuple[int, About]:
    """The inverse: which command, and what about it."""
    entry_id, about = divmod(-question_id, len(About))
    return entry_id, About(about)
