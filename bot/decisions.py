"""What each event means: pure of network and process, one transaction handed in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.answering import Answering, NeedsLook, Seen
from bot.commands.contract import Asker, Installation, Look, ServerSeen
from bot.consenting import Consenting, voter
from bot.effects import Effect, LookAtHost, ReadHealth, StartRun
from bot.events import (
    MessageArrived,
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    ReactionChanged,
    ServerRestarted,
    ZulipEvent,
)
from bot.following import Following
from bot.gate import Gate, judge_person
from bot.grammar import Grammar
from bot.identity import UNKNOWN, Identity
from bot.intake import Intake, needs_person
from bot.observations import HealthSeen, Observation, PersonSeen
from bot.outgoing import Outgoing
from bot.permissions import roles_of
from bot.replies.refusals import Refusal, TooOld
from bot.timekeeping import Timekeeping
from bot.zulip_words import Person
from handlers.errors import Reason
from handlers.host import process_table
from handlers.registry import declaration
from handlers.wording import duration
from jobs.engine import Engine, LookAgain, Start
from jobs.journal import RUN
from jobs.lifecycle import Status
from jobs.recovery import OpenRun
from jobs.schedules import Recurrence
from jobs.watcher import RunEnded, RunLost, RunProgressed
from state import anchors, inbox, job_store, run_store
from state.database import Transaction
from state.inbox import Entry

_logger = logging.getLogger(__name__)

_ZULIP_ROLES = {100: "owner", 200: "administrator", 300: "moderator", 400: "member", 600: "guest"}
ROOT = Asker(name="root on the host", is_root=True, zulip_role="root")
#: These end a talk in silence: nobody would read the answer, or a program might answer it.
_SILENT = frozenset({Reason.NOT_HUMAN, Reason.NOT_ACTIVE})


@dataclass(slots=True)
class Pending:
    """A command that waits for something to be looked at."""

    entry_id: int
    asker: Asker
    wanted: set[Look]
    asked_at: datetime
    patience: timedelta
    seen: Seen


@dataclass(slots=True)
class Decisions:
    """Everything that decides, put together for one identity of the bot."""

    engine: Engine
    installation: Installation
    grammar: Grammar
    identity: Identity
    recurrences: Mapping[str, Recurrence]
    pending: dict[int, Pending] = field(default_factory=dict)
    outgoing: Outgoing = field(init=False)
    intake: Intake = field(init=False)
    answering: Answering = field(init=False)
    following: Following = field(init=False)
    consenting: Consenting = field(init=False)
    timekeeping: Timekeeping = field(init=False)

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
        self.outgoing = Outgoing(identity.channel_id, identity.channel)
        self.intake = Intake(gate, self.outgoing, epoch)
        self.following = Following(self.engine, self.outgoing)
        self.answering = Answering(
            self.grammar, installation, self.engine, self.outgoing, self.following
        )
        self.consenting = Consenting(self.engine, self.following, identity.bot_id)
        self.timekeeping = Timekeeping(self.recurrences, epoch)

    def zulip_event(self, tx: Transaction, event: ZulipEvent, now: datetime) -> tuple[Effect, ...]:
        """One of Zulip's events."""
        match event:
            case MessageArrived():
                return self.intake.take(tx, event, now)
            case ReactionChanged() | MessageEdited():
                return self.consenting.hint(tx, event.message_id, now)
            case MessagesMoved():
                anchors.move(tx, event.message_ids, event.channel_id, event.topic, now)
                return self._hints(tx, event.message_ids, now)
            case MessagesDeleted():
                return self._hints(tx, event.message_ids, now)
            case ServerRestarted():
                _logger.info("Zulip was restarted and is %s now.", event.zulip_version)
        return ()

    def _hints(
        self, tx: Transaction, message_ids: tuple[int, ...], now: datetime
    ) -> tuple[Effect, ...]:
        return tuple(
            effect
            for message_id in message_ids
            for effect in self.consenting.hint(tx, message_id, now)
        )

    def person_seen(
        self, tx: Transaction, entry_id: int, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """The sender of a command as the server knows them now."""
        entry = inbox.get(tx, entry_id)
        if entry is None or entry.status != "received":
            return ()
        if not isinstance(observation.seen, PersonSeen):
            return self._ask_again(tx, entry, now)
        person = observation.seen.person
        if person is None or (reason := judge_person(voter(person))) in _SILENT:
            inbox.answer(tx, entry.id, Reason.NOT_HUMAN.value, None, now)
            return ()
        if reason is not None:
            refusal = Refusal("Guests may not give me commands.", None, reason.value)
            self._refuse(tx, entry, refusal, reason, now)
            return ()
        return self.settle(tx, entry, self._asker(person), Seen(), now)

    def _ask_again(self, tx: Transaction, entry: Entry, now: datetime) -> tuple[Effect, ...]:
        """Zulip could not say who it is: in time ask again, later offer to repeat."""
        read = needs_person(entry)
        if read is not None and now - entry.sent_at <= timedelta(minutes=10):
            return (read,)
        self._refuse(
            tx, entry, TooOld([entry.content], entry.sent_at.isoformat()), Reason.TOO_OLD, now
        )
        return ()

    def _refuse(
        self, tx: Transaction, entry: Entry, reply: Refusal | TooOld, reason: Reason, now: datetime
    ) -> None:
        if inbox.answer(tx, entry.id, reason.value, None, now):
            self.outgoing.answer(tx, entry, reply, now)

    def _asker(self, person: Person) -> Asker:
        return Asker(
            name=person.name,
            user_id=person.id,
            roles=roles_of(self.installation.policy, person.id),
            zulip_role=_ZULIP_ROLES.get(person.role, f"role {person.role}"),
        )

    def settle(
        self, tx: Transaction, entry: Entry, asker: Asker, seen: Seen, now: datetime
    ) -> tuple[Effect, ...]:
        """Answer a command, or have looked at what its answer needs."""
        if entry.refusal == Reason.TOO_OLD:
            reply = TooOld([entry.content or "that"], entry.sent_at.isoformat())
            self._refuse(tx, entry, reply, Reason.TOO_OLD, now)
            return ()
        if entry.refusal is not None:
            refusal = Refusal(entry.refusal, None, Reason.NOT_A_COMMAND.value)
            self._refuse(tx, entry, refusal, Reason.NOT_A_COMMAND, now)
            return ()
        result = self.answering.settle(tx, entry, asker, seen, now)
        if not isinstance(result, NeedsLook):
            return result.effects
        self.pending[entry.id] = Pending(
            entry.id, asker, set(result.looks), now, result.patience, seen
        )
        effects: list[Effect] = []
        if Look.HEALTH in result.looks:
            effects.append(ReadHealth(entry.id))
        if Look.FRESH_FACTS in result.looks:
            effects.append(LookAtHost())
        return tuple(effects)

    def health_seen(
        self, tx: Transaction, entry_id: int, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """Whether Zulip answers the bot, for a command that waits to know."""
        pending = self.pending.get(entry_id)
        if pending is None:
            return ()
        pending.seen = replace(pending.seen, server=_server_seen(observation))
        pending.wanted.discard(Look.HEALTH)
        return self._settle_pending(tx, pending, now)

    def facts_seen(
        self, tx: Transaction, round_started_at: datetime | None, now: datetime
    ) -> tuple[Effect, ...]:
        """Answer what waited for a new round, or has waited too long."""
        effects: list[Effect] = []
        for pending in list(self.pending.values()):
            fresh = round_started_at is not None and round_started_at >= pending.asked_at
            late = now - pending.asked_at > pending.patience
            if Look.FRESH_FACTS in pending.wanted and (fresh or late):
                pending.wanted.discard(Look.FRESH_FACTS)
                pending.seen = replace(pending.seen, facts_since=pending.asked_at)
            if late:
                pending.wanted.clear()
            effects += self._settle_pending(tx, pending, now)
        return tuple(effects)

    def _settle_pending(
        self, tx: Transaction, pending: Pending, now: datetime
    ) -> tuple[Effect, ...]:
        if pending.wanted:
            return ()
        del self.pending[pending.entry_id]
        entry = inbox.get(tx, pending.entry_id)
        if entry is None:
            return ()
        seen = pending.seen
        if seen.server is None:
            seen = replace(seen, server=ServerSeen(ok=False, sentence="Zulip was not asked."))
        if seen.facts_since is None:
            seen = replace(seen, facts_since=pending.asked_at)
        return self.settle(tx, entry, pending.asker, seen, now)

    def waits_for_facts(self) -> bool:
        return any(Look.FRESH_FACTS in pending.wanted for pending in self.pending.values())

    def reopened(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """After a restart: every command that was received and not answered."""
        effects: list[Effect] = []
        for entry in inbox.open_entries(tx):
            read = needs_person(entry)
            if read is not None:
                effects.append(read)
            elif entry.origin == "schedule":
                effects += self.settle(tx, entry, self.schedule_asker(entry), Seen(), now)
            else:
                # Whoever typed it on the host is no longer waiting.
                inbox.answer(tx, entry.id, Reason.RUN_LOST.value, None, now)
        return tuple(effects)

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
            for effect in self.settle(tx, entry, self.schedule_asker(entry), Seen(), now)
        )

    def schedule_asker(self, entry: Entry) -> Asker:
        """Root wrote the schedule, and that was the consent to it."""
        return Asker(name=entry.sender_name, is_root=True, zulip_role="schedule")

    def expire(self, tx: Transaction, now: datetime) -> None:
        """End what has waited too long for consent."""
        for job in job_store.in_status(tx, Status.AWAITING_APPROVAL):
            if job.expires_at is not None and job.expires_at < now:
                self.following.finish(tx, self.engine.expire(tx, job, now), now)

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


def person_question(entry_id: int) -> int:
    """Questions about commands are not stored (the command is), so their numbers are made from
    the command's, below zero."""
    return -2 * entry_id


def health_question(entry_id: int) -> int:
    return -2 * entry_id - 1


def _server_seen(observation: Observation) -> ServerSeen:
    seen = observation.seen
    if isinstance(seen, HealthSeen) and seen.took is not None:
        took = duration(seen.took.total_seconds())
        return ServerSeen(ok=True, sentence=f"Zulip answers in {took}.")
    why = getattr(seen, "why", None) or "no answer"
    return ServerSeen(ok=False, sentence=f"Zulip does not answer: {why}.")
