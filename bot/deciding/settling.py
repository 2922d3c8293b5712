"""Carries a received command to its answer, over whatever has to be looked at first."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.commands.contract import Asker, AuditSeen, Known, Look, ServerSeen
from bot.deciding.answering import Answering, NeedsLook, Seen
from bot.deciding.askers import Askers, counts
from bot.deciding.effects import (
    Effect,
    LookAtHost,
    ReadAudit,
    ReadHealth,
    ReadPeople,
    UseLook,
)
from bot.deciding.gathering import Gathering
from bot.deciding.intake import TOGETHER, needs_person
from bot.deciding.looking import voter
from bot.deciding.outgoing import Outgoing
from bot.deciding.scheduling import wake
from bot.deciding.timekeeping import suspend
from bot.observations import HealthSeen, Observation, PeopleSeen, PersonSeen
from bot.permissions import everybody, roles_of
from bot.replies.refusals import Refusal
from bot.understanding.gate import OLDEST_COMMAND, judge_person
from bot.zulip_api.words import Person
from handlers.errors import Reason
from handlers.wording import duration
from jobs.configuration import Policy
from jobs.consent_rules import is_eligible
from jobs.runs.crashpoints import crashpoint
from state import inbox, schedule_store
from state.database import Transaction
from state.inbox import Entry

_ZULIP_ROLES = {100: "owner", 200: "administrator", 300: "moderator", 400: "member", 600: "guest"}
_GONE = "the account of whoever added it is deactivated, a guest's or gone"
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
class Settling:
    """Remembers who waits for what; after a restart every open command begins anew."""

    answering: Answering
    outgoing: Outgoing
    gathering: Gathering
    policy: Policy
    pending: dict[int, Pending] = field(default_factory=dict)
    #: By inbox row: who asked is known, and an earlier command of the same place is not done yet.
    people: dict[int, Observation] = field(default_factory=dict)
    askers: Askers = field(default_factory=Askers)

    def received(self, entry: Entry, now: datetime) -> tuple[Effect, ...]:
        """A command that came in: settled next if it only reads and its sender is known, else
        once they have been looked up."""
        known = self.askers.known(entry, now, only_reads=self._only_reads(entry))
        return self._look_up(entry, now) if known is None else (UseLook(entry.id, known),)

    def _look_up(self, entry: Entry, now: datetime) -> tuple[Effect, ...]:
        read = needs_person(entry)
        if read is None or self.askers.is_asked(entry, now, only_reads=self._only_reads(entry)):
            return ()
        self.askers.ask(entry, now)
        return (read,)

    def _only_reads(self, entry: Entry) -> bool:
        """Whether nothing but words can come of it."""
        return entry.refusal is not None or self.answering.only_reads(entry.content)

    def person_seen(
        self, tx: Transaction, entry_id: int, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """The sender of a command as the server knows them now; what else they asked and was
        waiting for the same look is settled with it."""
        entry = inbox.get(tx, entry_id)
        if entry is None or entry.sender_id is None:
            return ()
        self.askers.seen(entry.sender_id, observation)
        waiting = inbox.open_entries(tx)
        self.people |= {
            one.id: observation
            for one in waiting
            if one.sender_id == entry.sender_id
            and (one.id == entry_id or self._counts_for(one, observation, now))
        }
        return self._settle_in_turn(tx, waiting, now)

    def _counts_for(self, entry: Entry, observation: Observation, now: datetime) -> bool:
        return counts(observation, entry, now, only_reads=self._only_reads(entry))

    def _settle_in_turn(
        self, tx: Transaction, waiting: Sequence[Entry], now: datetime
    ) -> tuple[Effect, ...]:
        """The reader's threads overtake each other; commands of one place are settled in turn."""
        effects: list[Effect] = []
        not_yet: set[tuple[int | str | None, ...]] = set()
        for one in waiting:
            if needs_person(one) is None or one.id in self.pending:
                continue
            place = (one.sender_id if one.direct else None, one.channel_id, one.topic)
            if one.id not in self.people:
                not_yet.add(place)
            elif place not in not_yet:
                effects += self._settle_for(tx, one, self.people.pop(one.id), now)
        return tuple(effects)

    def due(self, tx: Transaction, entry: Entry, now: datetime) -> tuple[Effect, ...]:
        """The command of a schedule; where a person added it, they are looked at first."""
        read = needs_person(entry)
        return (read,) if read is not None else self.settle(tx, entry, _of(entry), Seen(), now)

    def _due_for(
        self, tx: Transaction, entry: Entry, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """Consent was given once, so a Zulip that is down stops no backup; but what a person has
        added who is gone runs no more, nor what was taken away while it waited for this look."""
        schedule = schedule_store.get(tx, entry.sender_name)
        if schedule is None or schedule.suspended is not None:
            inbox.answer(tx, entry.id, Reason.WITHDRAWN.value, None, now)
            return ()
        seen = observation.seen
        if isinstance(seen, PersonSeen) and (
            seen.person is None
            or judge_person(voter(seen.person, observation.fetch_started_at)) is not None
        ):
            inbox.answer(tx, entry.id, Reason.NOT_ACTIVE.value, None, now)
            suspend(tx, self.outgoing, schedule, _GONE, now)
            return (wake(tx),)
        return self.settle(tx, entry, _of(entry), Seen(), now)

    def _settle_for(
        self, tx: Transaction, entry: Entry, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        if entry.origin == "schedule":
            return self._due_for(tx, entry, observation, now)
        if not isinstance(observation.seen, PersonSeen):
            return self._ask_again(tx, entry, now)
        crashpoint("sender_known")
        person = observation.seen.person
        if person is None:
            # Zulip knows the accounts of the bot's own organization, and its own bots; no others.
            inbox.answer(tx, entry.id, Reason.OTHER_REALM.value, None, now)
            return ()
        reason = judge_person(voter(person, observation.fetch_started_at))
        if reason in _SILENT:
            inbox.answer(tx, entry.id, reason.value, None, now)
            return ()
        if reason is not None:
            refusal = Refusal("Guests may not give me commands.", None, reason.value)
            self._refuse(tx, entry, refusal, reason, now)
            return ()
        return self.settle(tx, entry, self._asker(person, observation), Seen(), now)

    def _ask_again(self, tx: Transaction, entry: Entry, now: datetime) -> tuple[Effect, ...]:
        """Zulip could not say who it is: in time ask again, later offer to repeat."""
        if now - entry.sent_at <= OLDEST_COMMAND:
            return self._look_up(entry, now)
        if inbox.answer(tx, entry.id, Reason.TOO_OLD.value, None, now):
            self.gathering.offer(tx, entry, now)
        return ()

    def _refuse(
        self, tx: Transaction, entry: Entry, reply: Refusal, reason: Reason, now: datetime
    ) -> None:
        if inbox.answer(tx, entry.id, reason.value, None, now):
            self.outgoing.answer(tx, entry, reply, now)

    def _asker(self, person: Person, observation: Observation) -> Asker:
        return Asker(
            name=person.name,
            user_id=person.id,
            roles=roles_of(self.policy, person.id),
            zulip_role=_ZULIP_ROLES.get(person.role, f"role {person.role}"),
            is_new=voter(person, observation.fetch_started_at).is_new,
        )

    def settle(
        self, tx: Transaction, entry: Entry, asker: Asker, seen: Seen, now: datetime
    ) -> tuple[Effect, ...]:
        """Answer a command, or have looked at what its answer needs."""
        if entry.refusal in TOGETHER:
            self._answer_together(tx, entry, Reason(entry.refusal), now)
            return ()
        if entry.refusal is not None:
            refusal = Refusal(entry.refusal, None, Reason.NOT_A_COMMAND.value)
            self._refuse(tx, entry, refusal, Reason.NOT_A_COMMAND, now)
            return ()
        result = self.answering.settle(tx, entry, asker, seen, now)
        if not isinstance(result, NeedsLook):
            due = [effect for one in result.entries for effect in self.due(tx, one, now)]
            return (*result.effects, *due)
        self.pending[entry.id] = Pending(
            entry.id, asker, set(result.looks), now, result.patience, seen
        )
        effects: list[Effect] = []
        if Look.HEALTH in result.looks:
            effects.append(ReadHealth(entry.id))
        if Look.PEOPLE in result.looks:
            effects.append(ReadPeople(entry.id, everybody(self.policy)))
        if Look.FRESH_FACTS in result.looks:
            effects.append(LookAtHost())
        if Look.AUDIT_LOG in result.looks:
            effects.append(ReadAudit(entry.id))
        return tuple(effects)

    def _answer_together(
        self, tx: Transaction, entry: Entry, reason: Reason, now: datetime
    ) -> None:
        if not inbox.answer(tx, entry.id, reason.value, None, now):
            return
        if reason is Reason.TOO_MANY:
            self.gathering.turn_away(tx, entry, now)
        else:
            self.gathering.offer(tx, entry, now)

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

    def people_seen(
        self, tx: Transaction, entry_id: int, observation: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """Everybody whom the policy lists, for a command about them."""
        pending = self.pending.get(entry_id)
        if pending is None:
            return ()
        seen = observation.seen
        if isinstance(seen, PeopleSeen):
            at = observation.fetch_started_at
            people = [Known(p.id, p.name, is_eligible(voter(p, at))) for p in seen.people.values()]
            pending.seen = replace(pending.seen, people=tuple(people))
        pending.wanted.discard(Look.PEOPLE)
        return self._settle_pending(tx, pending, now)

    def audit_seen(
        self, tx: Transaction, entry_id: int, seen: AuditSeen, now: datetime
    ) -> tuple[Effect, ...]:
        """What became of the audit log, for a command that waits to know."""
        pending = self.pending.get(entry_id)
        if pending is None:
            return ()
        pending.seen = replace(pending.seen, audit=seen)
        pending.wanted.discard(Look.AUDIT_LOG)
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
            seen = replace(seen, server=ServerSeen(ok=False, sentence="I have not asked Zulip."))
        if seen.facts_since is None:
            seen = replace(seen, facts_since=pending.asked_at)
        if seen.people is None:
            seen = replace(seen, people=())
        if seen.audit is None:
            seen = replace(seen, audit=AuditSeen(0, None, None, is_complete=False))
        return self.settle(tx, entry, pending.asker, seen, now)


def _of(entry: Entry) -> Asker:
    """A schedule may do what it was agreed to: root wrote it, or people consented."""
    return Asker(name=entry.sender_name, is_root=True, zulip_role="schedule")


def _server_seen(observation: Observation) -> ServerSeen:
    seen = observation.seen
    if isinstance(seen, HealthSeen) and seen.took is not None:
        took = duration(seen.took.total_seconds())
        return ServerSeen(ok=True, sentence=f"Zulip answered me in {took}.")
    why = getattr(seen, "why", None) or "no answer"
    return ServerSeen(ok=False, sentence=f"Zulip does not answer me: {why}.")
