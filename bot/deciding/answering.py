"""Turns a received command into an answer, a job or a refusal, once its sender is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.commands.contract import (
    Answer,
    Asker,
    AuditSeen,
    Command,
    HoldAct,
    Installation,
    Known,
    Look,
    Scene,
    ServerSeen,
    Word,
)
from bot.commands.help import help_on, overview
from bot.deciding import consequences
from bot.deciding.acting import Acted, carry_out
from bot.deciding.consenting import Consenting
from bot.deciding.effects import Effect, StartRun, TellHost
from bot.deciding.following import Following
from bot.deciding.outgoing import HOLDS_TOPIC, Outgoing, job_topic, schedule_topic
from bot.deciding.refusing import (
    hidden,
    why_forbidden,
    why_nobody_could_approve,
    why_read_only,
)
from bot.deciding.scheduling import Scheduling, is_about_schedules
from bot.events import HostAnswer
from bot.grammar import Grammar, Parsed
from bot.permissions import Place
from bot.replies.job_news import JobAccepted
from bot.replies.refusals import Refusal
from bot.replies.reply import Reply
from bot.understanding.keeping import with_moment
from handlers.contract import JSON, Declaration
from handlers.contract import Effect as HostEffect
from handlers.errors import BadCommand, Reason
from jobs.consent_terms import terms_of
from jobs.engine import Asked, Consent, Engine
from jobs.lifecycle import FINAL
from jobs.observing.facts import FactsError, Round, read_facts
from jobs.runs.crashpoints import crashpoint
from state import approval_store, inbox, job_store
from state.database import Transaction
from state.inbox import Entry

#: Answers come in under two seconds; only whoever asks for fresh facts waits for them.
USUAL_WAIT = timedelta(seconds=1.5)
FRESH_WAIT = timedelta(seconds=10)
#: A log of years is read in less.
AUDIT_WAIT = timedelta(minutes=5)
#: These say something and do nothing else, so it matters little if somebody has just lost a role.
ONLY_ANSWERED = frozenset(
    {"status", "backups", "history", "log", "schedules", "whoami", "version", "help"}
)
#: One of so many was the last to end.
NEWEST_JOBS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at for one command, as far as it was."""

    server: ServerSeen | None = None
    facts_since: datetime | None = None
    people: tuple[Known, ...] | None = None
    audit: AuditSeen | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The command is answered; these effects follow."""

    effects: tuple[Effect, ...] = ()
    #: Commands that are due now because somebody said so.
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedsLook:
    """The command can be answered once this has been looked at."""

    looks: frozenset[Look]
    #: After so long it is answered from what there is.
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Versions:
    """What the last connection told of Zulip."""

    zulip: str | None = None
    feature_level: int | None = None


@dataclass(slots=True)
class Answering:
    """Everything a decision about a command is made from."""

    grammar: Grammar
    installation: Installation
    engine: Engine
    outgoing: Outgoing
    following: Following
    consenting: Consenting
    scheduling: Scheduling
    versions: Versions = field(default_factory=Versions)

    def settle(
        self, tx: Transaction, entry: Entry, asker: Asker, seen: Seen, now: datetime
    ) -> Settled | NeedsLook:
        """Answer one command; every path closes its inbox entry in this transaction."""
        try:
            parsed = self._understood(tx, entry, now)
        except BadCommand as error:
            return self._refuse_text(tx, entry, asker, error, now)
        refusal = None if parsed.help_wanted else self._why_not(tx, entry, asker, parsed)
        if refusal is not None:
            return self._reply(tx, entry, refusal[0], now, reason=refusal[1])
        if isinstance(parsed.verb, Declaration):
            return self._make_job(tx, entry, asker, parsed, now)
        if not parsed.help_wanted and isinstance(parsed.verb, Command):
            fresh = bool(parsed.arguments.get("fresh"))
            shows_facts = Look.FRESH_FACTS in parsed.verb.looks
            outdated = shows_facts and (fresh or self._facts_are_outdated(tx))
            looks = wanted_looks(parsed.verb, seen, new_facts=outdated)
            if looks:
                return NeedsLook(looks, patience=_patience(entry, looks, fresh=fresh))
        return self._answer(tx, entry, asker, parsed, seen, now)

    def _why_not(
        self, tx: Transaction, entry: Entry, asker: Asker, parsed: Parsed
    ) -> tuple[Reply, Reason] | None:
        installation, verb = self.installation, parsed.verb
        policy = installation.policy
        refusal = why_forbidden(parsed, asker, self._place(entry), policy, installation.channel)
        if refusal is None:
            refusal = why_read_only(tx, parsed, asker, installation.bot_name)
        if refusal is None and isinstance(verb, Declaration):
            refusal = why_nobody_could_approve(verb.effect, parsed, asker, policy)
        return refusal

    def only_reads(self, text: str) -> bool:
        """Whether nothing but an answer can come of this text, whoever wrote it."""
        try:
            parsed = self.grammar.parse(text)
        except BadCommand:
            return True
        return parsed.help_wanted or parsed.verb.name in ONLY_ANSWERED

    def _understood(self, tx: Transaction, entry: Entry, now: datetime) -> Parsed:
        """Raises BadCommand."""
        zone = ZoneInfo(self.installation.tz)
        parsed = with_moment(self.grammar.parse(entry.content), now, zone)
        return self.scheduling.complete(tx, parsed) if is_about_schedules(parsed) else parsed

    def _facts_are_outdated(self, tx: Transaction) -> bool:
        """Nothing was seen yet, or not since a job ended that may have changed what there is."""
        facts, _ = facts_of(self.installation.state_directory)
        newest = job_store.page(tx, limit=NEWEST_JOBS, statuses=tuple(sorted(FINAL)))
        return are_outdated(facts, [job.ended_at for job in newest if job.started_at])

    def _refuse_text(
        self, tx: Transaction, entry: Entry, asker: Asker, error: BadCommand, now: datetime
    ) -> Settled:
        if error.reason is Reason.EMPTY_COMMAND:
            scene = self._scene(tx, entry, asker, Seen(), now)
            return self._reply(tx, entry, overview(scene), now, reason=error.reason)
        refusal = Refusal(error.message, error.hint, error.reason.value)
        return self._reply(tx, entry, refusal, now, reason=error.reason)

    def _place(self, entry: Entry) -> Place:
        if entry.direct:
            return Place.DIRECT
        ours = entry.channel_id == self.outgoing.channel_id
        return Place.OPS_CHANNEL if ours else Place.ANOTHER_CHANNEL

    def _make_job(
        self, tx: Transaction, entry: Entry, asker: Asker, parsed: Parsed, now: datetime
    ) -> Settled:
        assert isinstance(parsed.verb, Declaration)
        asked = Asked(
            declaration=parsed.verb,
            arguments=dict(parsed.arguments),
            command=parsed.canonical,
            origin=entry.origin,
            asker_id=asker.user_id,
            asker_name=asker.name,
            message_id=entry.message_id,
            message_sha256=entry.content_sha256 if entry.message_id is not None else None,
            inbox_id=entry.id,
            consent=_consent(parsed, entry),
            caught_up=_is_caught_up(entry),
        )
        start = self.engine.accept(tx, asked, now)
        job = start.job
        effects: list[Effect] = [StartRun(start)]
        topic, to_confirm = job_topic(job), asked.consent == Consent.REACTION
        others = self._others_needed(asker, asked.declaration.effect)
        accepted = JobAccepted(job.id, self.installation.channel, topic, to_confirm, others)
        inbox.answer(tx, entry.id, Reason.DONE.value, job.id, now)
        if entry.origin == "chat":
            self.outgoing.answer(tx, entry, accepted, now)
        elif entry.origin == "host":
            effects.append(TellHost(entry.id, HostAnswer(accepted.text(), job.id)))
        crashpoint("job_made")
        return Settled(tuple(effects))

    def _others_needed(self, asker: Asker, effect: HostEffect) -> int:
        """How many people besides the asker have to approve; none where the asker counts."""
        terms = terms_of(self.installation.policy, effect, asker.user_id or 0)
        return 0 if terms.self_counts else terms.needed

    def _answer(
        self,
        tx: Transaction,
        entry: Entry,
        asker: Asker,
        parsed: Parsed,
        seen: Seen,
        now: datetime,
    ) -> Settled:
        scene = self._scene(tx, entry, asker, seen, now)
        if parsed.help_wanted or not isinstance(parsed.verb, Command):
            about = help_on(scene, parsed.about) if parsed.about else overview(scene)
            return self._reply(
                tx, entry, about or hidden(parsed.about, self.installation.bot_name), now
            )
        answer = parsed.verb.answer(scene, parsed.arguments)
        settled = self._reply(tx, entry, answer.reply, now, file=answer)
        effects = consequences.carry_out(tx, answer, asker, self.following, now)
        voted = self._vote(tx, answer.word, entry, asker, now) if answer.word else ()
        acted = self._act(tx, answer, entry, asker, now)
        following = (*settled.effects, *effects, *voted, *acted.effects)
        return Settled(following, acted.entries)

    def _act(
        self, tx: Transaction, answer: Answer, entry: Entry, asker: Asker, now: datetime
    ) -> Acted:
        act = answer.act
        if act is None:
            return Acted()
        acted = carry_out(tx, act, entry, asker, now)
        if isinstance(act, HoldAct) and act.begin is not None:
            self.following.tell_held(tx, now)
        if entry.origin == "host":
            # What root does on the host concerns the channel as well.
            topic = HOLDS_TOPIC if isinstance(act, HoldAct) else schedule_topic(act.name)
            self.outgoing.say(tx, topic, answer.reply, now)
        return acted

    def _vote(
        self, tx: Transaction, word: Word, entry: Entry, asker: Asker, now: datetime
    ) -> tuple[Effect, ...]:
        if not word.approves:
            self.consenting.rejected(tx, word.job_id, asker.name, word.reason, now)
            return ()
        assert entry.message_id is not None
        spoken: dict[str, JSON] = {
            "user_id": entry.sender_id,
            "message_id": entry.message_id,
            "content_sha256": entry.content_sha256,
        }
        approval_store.speak(tx, word.job_id, spoken)
        return self.consenting.voted(tx, word.job_id, now)

    def _reply(
        self,
        tx: Transaction,
        entry: Entry,
        reply: Reply,
        now: datetime,
        *,
        reason: Reason = Reason.DONE,
        file: Answer | None = None,
    ) -> Settled:
        if not inbox.answer(tx, entry.id, reason.value, None, now):
            return Settled()
        if entry.origin == "host":
            text = on_host(reply, file)
            answer = HostAnswer(text, is_refusal=reply.is_refusal or reason is not Reason.DONE)
            return Settled((TellHost(entry.id, answer),))
        self.outgoing.answer(tx, entry, reply, now, file=file.file if file else None)
        return Settled()

    def _scene(
        self, tx: Transaction, entry: Entry, asker: Asker, seen: Seen, now: datetime
    ) -> Scene:
        facts, problem = facts_of(self.installation.state_directory)
        return Scene(
            tx=tx,
            now=now,
            asker=asker,
            installation=self.installation,
            facts=facts,
            facts_problem=problem,
            server=seen.server,
            audit=seen.audit,
            zulip_version=self.versions.zulip,
            feature_level=self.versions.feature_level,
            people=seen.people,
            schedule_name=entry.sender_name if entry.origin == "schedule" else None,
        )


def wanted_looks(command: Command, seen: Seen, *, new_facts: bool) -> frozenset[Look]:
    """What still has to be looked at before this command can be answered."""
    wanted = set()
    if Look.HEALTH in command.looks and seen.server is None:
        wanted.add(Look.HEALTH)
    if Look.PEOPLE in command.looks and seen.people is None:
        wanted.add(Look.PEOPLE)
    if Look.FRESH_FACTS in command.looks and new_facts and seen.facts_since is None:
        wanted.add(Look.FRESH_FACTS)
    if Look.AUDIT_LOG in command.looks and seen.audit is None:
        wanted.add(Look.AUDIT_LOG)
    return frozenset(wanted)


def _patience(entry: Entry, looks: frozenset[Look], *, fresh: bool) -> timedelta:
    if Look.AUDIT_LOG in looks and entry.origin == "chat":
        return AUDIT_WAIT
    # Whoever sits on the host is told sooner.
    return FRESH_WAIT if fresh or Look.AUDIT_LOG in looks else USUAL_WAIT


def are_outdated(facts: Round | None, ends: Iterable[datetime | None]) -> bool:
    """Whether nothing was seen, or not since each of these jobs ended."""
    return facts is None or any(end is not None and facts.started_at < end for end in ends)


def on_host(reply: Reply, answer: Answer | None) -> str:
    """The text for whoever sits on the host, where a file is named and not uploaded."""
    if answer is None or answer.file is None:
        return reply.text()
    return f"{reply.text()}\nThe whole of it is in {answer.file[0]}."


def facts_of(state_directory: Path) -> tuple[Round | None, str | None]:
    """The last round of observations, or why there is none."""
    try:
        facts = read_facts(state_directory)
    except FactsError as error:
        return None, error.message
    return facts, None if facts else "The host has not been looked at yet."


def _consent(parsed: Parsed, entry: Entry) -> Consent:
    if parsed.verb.effect is HostEffect.READ:
        return Consent.NONE
    if entry.origin == "schedule":
        return Consent.SCHEDULE
    if entry.origin == "host":
        return Consent.ROOT
    return Consent.YES if parsed.yes else Consent.REACTION


def _is_caught_up(entry: Entry) -> bool:
    return entry.client == "caught up"
