"""Has each event decided in one transaction, and what follows from it carried out."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from queue import SimpleQueue

from bot.deciding.answering import Seen, Versions
from bot.deciding.decisions import ROOT, About, Decisions, asked_about
from bot.deciding.effects import Effect, TellHost
from bot.deciding.intake import host_entry
from bot.dispatching.batches import without_repetition
from bot.dispatching.on_disk import OnDisk
from bot.events import (
    AuditRead,
    Connected,
    ConnectionLost,
    EpochEnded,
    Event,
    HostAnswer,
    HostCommand,
    MessageArrived,
    Observed,
    RowDropped,
    RowSent,
    ZulipEvent,
    ZulipEvents,
)
from bot.hands import Hands, read_card, starts_run
from bot.identity import (
    UNKNOWN,
    Identity,
    of_connection,
    remember,
    remember_server,
    server_of,
)
from handlers.contract import JSON, Clock
from handlers.host import process_table
from jobs.runs.crashpoints import crashpoint
from jobs.watcher import RunEnded, RunLost, RunProgressed
from state import anchors, audit_log, cursor, inbox, seen_messages
from state.database import Database, DatabaseUnusable, Transaction
from state.seen_messages import SeenMessage

_logger = logging.getLogger(__name__)

#: How many events are decided in one transaction: a commit costs more than a decision.
_TOGETHER = 50
#: From its intention until a run is followed, when all goes well.
_STRAY_AFTER = timedelta(seconds=30)
#: How long at most nothing is sent while a restore may have taken the message numbers back.
NUMBERS_UNKNOWN = timedelta(minutes=2)

Decide = Callable[[Transaction, datetime], tuple[Effect, ...]]


class Handling:
    """Every method raises DatabaseUnusable when nothing of the decision could be kept."""

    def __init__(
        self, database: Database, clock: Clock, decisions: Decisions, hands: Hands
    ) -> None:
        self._database = database
        self._clock = clock
        self._decisions = decisions
        self._hands = hands
        self._on_disk = OnDisk(hands.state_directory)
        #: An epoch that has ended, while the next one is not committed.
        self._ended: EpochEnded | None = None
        self._host_answers: dict[int, SimpleQueue[HostAnswer]] = {}

    def recovered(self, sentence: str, lasted: timedelta) -> None:
        """What decisions had in mind went with their transactions, so open commands begin anew."""

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            detail: dict[str, JSON] = {
                "seconds": round(lasted.total_seconds()),
                "sentence": sentence,
            }
            audit_log.append(tx, now, "bot", "database recovered", detail)
            return self._decisions.reopened(tx, now)

        self._decide(decide)
        self._hands.sender.retry_now()

    def reopen(self) -> None:
        """Commands that were received before the bot last ended."""
        self._decide(self._decisions.reopened)
        crashpoint("recovery_decided")

    def find_runs(self) -> None:
        """Runs that were under way when it ended."""
        now = self._clock.now()
        with self._database.read() as tx:
            found = self._decisions.open_runs(tx, now)
            left = self._decisions.following.left_behind(tx, process_table.booted_at(now))
        for again, run in found:
            self._hands.find_again(again, run)
        for effect in left:
            self._hands.carry_out(effect)
        self._hold_back()

    def _hold_back(self) -> None:
        """While a run may take the message numbers back, nothing is sent to a Zulip of which it is
        not known what its numbers mean; `_connected` has that looked at and lets it go on."""
        with self._database.read() as tx:
            may_rewind = self._decisions.may_rewind(tx)
        if may_rewind:
            self._hands.sender.hold_back(NUMBERS_UNKNOWN)

    def handle(self, event: Event) -> None:
        match event:
            case Connected() | EpochEnded():
                self._of_the_line(event)
            case Observed():
                self._observed(event)
            case RunProgressed() | RunEnded() | RunLost():
                self._run_event(event)
            case ConnectionLost():
                _note(event)
                self._hold_back()
            case RowSent() | AuditRead():
                self._decide(partial(self._told, event))
            case _:
                _note(event)

    def take_batch(self, batch: ZulipEvents) -> None:
        """Many events in one transaction, the last of them with the cursor; an event that is told
        again counts once, and one that we make a mistake about is passed over."""
        kept = False
        try:
            if self._ended is not None:
                self._begin_epoch(self._ended)
            now = self._clock.now()
            events = [one for one in without_repetition(batch.events) if self._may_matter(one, now)]
            while len(events) > _TOGETHER:
                self._decide(partial(self._zulip_events, events[:_TOGETHER], None))
                events = events[_TOGETHER:]
            self._decide(partial(self._zulip_events, events, batch))
            kept = True
        finally:
            if kept:
                crashpoint("events_committed")
                batch.receipt.accept()
            else:
                batch.receipt.refuse()

    def _may_matter(self, event: ZulipEvent, now: datetime) -> bool:
        """Also after a mistake of ours: then the decision tells, for this event alone."""
        found: list[bool] = []
        survived(lambda: found.append(self._decisions.matters(event, now)))
        return found != [False]

    def _zulip_events(
        self, events: list[ZulipEvent], batch: ZulipEvents | None, tx: Transaction, now: datetime
    ) -> tuple[Effect, ...]:
        effects = [effect for one in events for effect in self._zulip_event(tx, one, now)]
        if batch is not None:
            cursor.save(tx, batch.cursor)
            seen_messages.remember(tx, _seen(batch))
        return tuple(effects)

    def _zulip_event(self, tx: Transaction, event: ZulipEvent, now: datetime) -> tuple[Effect, ...]:
        """One of many; a mistake of ours undoes this one alone."""
        found: list[Effect] = []

        def decide() -> None:
            with self._database.part(tx):
                found.extend(self._decisions.zulip_event(tx, event, now))

        return tuple(found) if survived(decide) else ()

    def _told(
        self, event: RowSent | AuditRead, tx: Transaction, now: datetime
    ) -> tuple[Effect, ...]:
        if isinstance(event, AuditRead):
            return self._decisions.audit_read(tx, event, now)
        return self._decisions.row_sent(tx, event, now)

    def _of_the_line(self, event: Connected | EpochEnded) -> None:
        if isinstance(event, Connected):
            self._connected(event)
        else:
            self._begin_epoch(event)

    def _connected(self, event: Connected) -> None:
        identity = of_connection(event, self._decisions.identity.channel)
        if identity is not None:
            self._be(identity)
        if event.epoch_ended is not None:
            self._begin_epoch(event.epoch_ended)
        if identity is None:
            _logger.error(
                "The bot is not subscribed to #%s: subscribe it, then restart it.",
                self._decisions.identity.channel,
            )
            return
        registration = event.registration
        self._decisions.answering.versions = Versions(
            registration.zulip_version, registration.feature_level
        )
        _logger.info("Connected to Zulip %s as %s.", registration.zulip_version, event.me.name)
        self._hands.sender.retry_now()

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            remember(tx, identity)
            remember_server(tx, server_of(registration))
            if not event.complete:
                anchors.doubt_all(tx)
            again = self._decisions.consenting.read_all_again(tx, now)
            return (*again, *self._decisions.watched(tx, now))

        self._decide(decide)
        crashpoint("reconnected")
        self._decide(self._decisions.schedules)
        self._decide(self._decisions.audit_owed)
        self._adopt()

    def take_present_policy(self) -> None:
        """Another policy is in force from the next decision on, and voids what waits."""
        anew = self._decisions.of_present_policy()
        if anew is None:
            return
        _logger.warning("The policy was changed; what waits for consent is void.")
        self._decisions = anew
        self._decide(anew.consenting.read_all_again)

    def _begin_epoch(self, ended: EpochEnded) -> None:
        """Everything is decided anew from here on: for the new epoch, once that is committed."""
        _logger.error("Zulip's message ids began again (%s).", ended.evidence.value)
        # Kept until it is committed: nothing is taken in before, whatever the disk does.
        self._ended = ended
        begun: list[Decisions] = []

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            fresh, effects = self._decisions.begin_epoch(tx, ended, now)
            begun.append(fresh)
            return effects

        self._decide(decide)
        self._decisions, self._ended = begun[-1], None

    def _be(self, identity: Identity) -> None:
        if identity != self._decisions.identity:
            self._decisions = replace(self._decisions, identity=identity).continuing(
                self._decisions
            )

    def _observed(self, event: Observed) -> None:
        if event.question_id < 0:
            entry_id, about = asked_about(event.question_id)
            settling = self._decisions.settling
            seen = {
                About.SENDER: settling.person_seen,
                About.HEALTH: settling.health_seen,
                About.PEOPLE: settling.people_seen,
                About.READERSHIP: self._decisions.readership_seen,
            }[about]
            self._decide(lambda tx, now: seen(tx, entry_id, event.observation, now))
            return

        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            job_id, effects = self._decisions.consenting.observed(
                tx, event.question_id, event.observation, now
            )
            started = self._decisions.start_next(tx, now, job_id) if job_id else None
            return (*effects, started) if started else effects

        self._decide(decide)
        crashpoint("consent_committed")
        self.start_what_may()

    def _run_event(self, event: RunProgressed | RunEnded | RunLost) -> None:
        card = read_card(self._hands.runs_directory, event.run)
        self._decide(lambda tx, now: self._decisions.run_event(tx, event, card, now))
        if not isinstance(event, RunProgressed):
            crashpoint("result_committed")
            self.start_what_may()

    def tick(self) -> None:
        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            self._decisions.expire(tx, now)
            self._decisions.end_holds(tx, now)
            armed = self._decisions.consenting.armed_are_due(tx, now)
            audit = self._decisions.audit_owed(tx, now)
            watched = self._decisions.watched(tx, now)
            return (*armed, *audit, *watched, *self._decisions.schedules(tx, now))

        self._decide(decide)
        self._hands.end_again()
        self._hands.keep_grants()
        self._on_disk.keep_round(self._database)
        self._adopt()
        self._find_strays()
        self.start_what_may()

    def _find_strays(self) -> None:
        """Whatever became of an event, each open run is followed or gets its verdict."""
        now = self._clock.now()
        with self._database.read() as tx:
            found = self._decisions.open_runs(tx, now)
        for again, run in found:
            if now - again.start.run.intended_at >= _STRAY_AFTER:
                self._hands.find_stray(again, run)

    def _adopt(self) -> None:
        """Runs that root made on the host while nobody was here to be asked."""
        if self._decisions.identity.channel_id == UNKNOWN:
            return
        self._on_disk.adopt(self._decisions, self._decide)

    def start_what_may(self) -> None:
        """Start queued jobs as far as the host's lock allows."""
        going_on = True
        while going_on:
            found: list[Effect] = []

            def decide(
                tx: Transaction, now: datetime, found: list[Effect] = found
            ) -> tuple[Effect, ...]:
                effect = self._decisions.start_next(tx, now)
                found.extend([effect] if effect else [])
                return tuple(found)

            self._decide(decide)
            going_on = bool(found) and starts_run(found[0])

    def look_at_facts(self) -> None:
        if not self._decisions.settling.pending:
            return
        facts = self._on_disk.facts()
        began = facts.started_at if facts else None
        self._decide(lambda tx, now: self._decisions.settling.facts_seen(tx, began, now))

    def host_command(self, event: HostCommand) -> None:
        def decide(tx: Transaction, now: datetime) -> tuple[Effect, ...]:
            entry = inbox.add(tx, host_entry(event.text, ROOT.name, now))
            assert entry is not None
            self._host_answers[entry.id] = event.answers
            asker = replace(ROOT, host_user=event.user)
            return self._decisions.settling.settle(tx, entry, asker, Seen(), now)

        self._decide(decide)

    def _decide(self, decide: Decide) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            effects = decide(tx, now)
        # First of all 👀: whoever wrote is waiting for it.
        self._hands.sender.notify()
        for effect in effects:
            if isinstance(effect, TellHost):
                self._tell_host(effect)
            else:
                self._hands.carry_out(effect)

    def _tell_host(self, effect: TellHost) -> None:
        answers = self._host_answers.pop(effect.entry_id, None)
        if answers is not None:
            answers.put(effect.answer)


def survived(work: Callable[[], None]) -> bool:
    """False after a mistake of ours, which is in the log; raises DatabaseUnusable."""
    try:
        work()
    except DatabaseUnusable:
        raise
    except Exception:  # the event loop of the bot has to outlive any event
        _logger.exception("An event could not be handled.")
        return False
    return True


def _note(event: Event) -> None:
    """What needs no decision, but should be found in the log."""
    if isinstance(event, ConnectionLost):
        _logger.warning("The line to Zulip is lost: %s", event.why)
    elif isinstance(event, RowDropped):
        _logger.error("Outbox row %d will not be sent: %s", event.row_id, event.reason)


def _seen(batch: ZulipEvents) -> list[SeenMessage]:
    """What Zulip says of the newest messages of a batch."""
    arrived = [one.message for one in batch.events if isinstance(one, MessageArrived)]
    newest = sorted(arrived, key=lambda message: message.id)[-seen_messages.KEPT :]
    return [SeenMessage(one.id, one.sender_id, one.sent_at) for one in newest]
