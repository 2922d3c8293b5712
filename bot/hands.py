"""Carries out what was decided: starts and ends runs, asks the reader, looks at the host."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import ParamSpec, Protocol

from bot.commands.contract import AuditSeen
from bot.deciding.decisions import About, question_about
from bot.deciding.effects import (
    Effect,
    EndRun,
    LookAtHost,
    LookForNext,
    ReadAudit,
    ReadCard,
    ReadHealth,
    ReadPeople,
    ReadPerson,
    ReadReadership,
    StartRun,
    UseLook,
    WakeFor,
)
from bot.events import AuditRead, Event, Observed, Tick
from bot.observations import (
    HealthQuestion,
    MessageQuestion,
    PeopleQuestion,
    PersonQuestion,
    Question,
    ReadershipQuestion,
)
from bot.vigilance.audit_watch import examine
from handlers.contract import Clock
from jobs.journal import PLAN, RunName
from jobs.launcher import (
    AlreadyStarted,
    AnswerLost,
    Launcher,
    LauncherUnavailable,
    RunHandle,
    RunStatus,
)
from jobs.launching.keeping_grants import Grants
from jobs.observing.facts import FactsError, read_facts
from jobs.recovery import OpenRun, Verdict, evidence, last_word, verdict
from jobs.runs.crashpoints import crashpoint
from jobs.runs.run_folder import RunFolder
from jobs.schedules import Recurrence
from jobs.watcher import RunLost
from state import run_store
from state.database import Database, DatabaseUnusable

_logger = logging.getLogger(__name__)

P = ParamSpec("P")

#: How long the reader tries; afterwards the command or the request is looked at anew.
PERSON_WAIT = timedelta(seconds=60)
CARD_WAIT = timedelta(seconds=30)
HEALTH_WAIT = timedelta(seconds=2)
READERSHIP_WAIT = timedelta(seconds=30)
PEOPLE_WAIT = timedelta(seconds=8)


class Asks(Protocol):
    """The reader, as far as questions go."""

    def ask(self, question_id: int, question: Question, deadline: datetime) -> None:
        """The answer comes back as an event."""


class Follows(Protocol):
    """The watcher of runs."""

    def follow(self, handle: RunHandle, offset: int = 0) -> None:
        """Its progress and end come back as events."""

    def followed(self) -> frozenset[RunName]:
        """The runs whose end is still awaited."""


class Notifies(Protocol):
    """The sender."""

    def notify(self) -> None:
        """There are new rows in the outbox."""

    def retry_now(self) -> None:
        """Zulip is back: wait no longer."""

    def hold_back(self, at_most: timedelta) -> None:
        """Send nothing until `retry_now`."""


class Wakes(Protocol):
    """The scheduler."""

    def follow(self, schedules: Mapping[str, Recurrence]) -> None:
        """The clock is looked at when these are due."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the hands work with."""

    database: Database
    clock: Clock
    launcher: Launcher
    reader: Asks
    watcher: Follows
    sender: Notifies
    scheduler: Wakes
    tell: Callable[[Event], None]


class Hands:
    """Starting a runner takes a moment, so launches have a thread of their own."""

    def __init__(self, tools: Tools, state_directory: Path) -> None:
        self.sender = tools.sender
        self.state_directory = state_directory
        self.runs_directory = state_directory / "runs"
        self._database = tools.database
        self._clock = tools.clock
        self._launcher = tools.launcher
        self._grants = Grants(tools.database, tools.launcher)
        self._reader = tools.reader
        self._watcher = tools.watcher
        self._scheduler = tools.scheduler
        self._tell = tools.tell
        self._launches = ThreadPoolExecutor(1, thread_name_prefix="launch")
        # A long log takes a while, and no run waits for it.
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._reads_for_day = False
        #: Runs that are to end, while nobody could be asked to end them.
        self._unended: SimpleQueue[RunName] = SimpleQueue()

    def carry_out(self, effect: Effect) -> None:
        """Never waits, never raises: what comes of it arrives as an event."""
        match effect:
            case StartRun():
                self._launch(self._start, effect)
            case EndRun():
                self._launch(self._end, RunName(effect.job_id, effect.attempt))
            case LookAtHost():
                self._launch(self._look_at_host)
            case LookForNext():
                self._tell(Tick(self._clock.now()))
            case ReadAudit():
                self._read_audit_soon(effect)
            case WakeFor():
                self._scheduler.follow(effect.recurrences)
                self.keep_grants()
            case _:
                self._ask_about(effect)

    def keep_grants(self) -> None:
        """What is granted follows the schedules, behind the starts that were asked for before."""
        self._launch(self._grants.bring_about)

    def _ask_about(self, effect: Effect) -> None:
        match effect:
            case ReadPerson() | UseLook():
                self._look_at_sender(effect)
            case ReadPeople():
                number = question_about(effect.entry_id, About.PEOPLE)
                self._ask(number, PeopleQuestion(effect.user_ids), PEOPLE_WAIT)
            case ReadHealth():
                number = question_about(effect.entry_id, About.HEALTH)
                self._ask(number, HealthQuestion(), HEALTH_WAIT)
            case ReadReadership():
                number = question_about(0, About.READERSHIP)
                self._ask(number, ReadershipQuestion(effect.channel_id), READERSHIP_WAIT)
            case ReadCard():
                question = MessageQuestion(
                    effect.message_id, effect.voters, effect.speakers, effect.others
                )
                self._ask(effect.question_id, question, CARD_WAIT)

    def _look_at_sender(self, effect: ReadPerson | UseLook) -> None:
        number = question_about(effect.entry_id, About.SENDER)
        if isinstance(effect, UseLook):
            self._tell(Observed(number, effect.look))
        else:
            self._ask(number, PersonQuestion(effect.user_id), PERSON_WAIT)

    def _launch(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Behind what was asked for before; what goes wrong is in the log, and found again as a
        stray."""
        self._launches.submit(work, *args, **kwargs).add_done_callback(_log_failure)

    def _ask(self, question_id: int, question: Question, wait: timedelta) -> None:
        crashpoint("question_asked")
        self._reader.ask(question_id, question, self._clock.now() + wait)

    def _start(self, effect: StartRun) -> None:
        spec = effect.start.spec
        launch = self._launcher.plan if spec.mode == PLAN else self._launcher.start
        try:
            crashpoint("launch_begun")
            handle = launch(spec)
            crashpoint("launch_done")
            self._follow(handle)
        except AlreadyStarted:
            _logger.warning("Run %s was started before; it is only followed.", spec.name)
            self._follow(self._handle(spec.name))
        except AnswerLost as error:
            # It may be under way: looked for as a stray, and asked for again where it is not.
            _logger.error("Nobody knows whether run %s was started: %s", spec.name, error.message)
        except LauncherUnavailable as error:
            self._tell(RunLost(spec.name, RunStatus(), error.message))

    def _follow(self, handle: RunHandle) -> None:
        name = handle.name
        try:
            with self._database.write() as tx:
                run_store.run_started(
                    tx, name.job, name.attempt, folder=handle.folder.name, at=self._clock.now()
                )
        except DatabaseUnusable as error:
            # It runs all the same: its end is taken in, and a restart finds it by its name.
            _logger.error("Run %s has started, unrecorded: %s", name, error.message)
        crashpoint("launch_recorded")
        self._watcher.follow(handle)

    def _handle(self, name: RunName) -> RunHandle:
        return RunHandle(name, self.runs_directory / str(name))

    def _end(self, name: RunName) -> None:
        try:
            crashpoint("cancel_begun")
            self._launcher.cancel(name)
            crashpoint("cancel_done")
        except LauncherUnavailable as error:
            _logger.error("Run %s cannot be ended yet: %s", name, error.message)
            self._unended.put(name)

    def end_again(self) -> None:
        """Whoever cancelled a run has been told that it ends."""
        for _ in range(self._unended.qsize()):
            self._launch(self._end, self._unended.get())

    def _read_audit_soon(self, effect: ReadAudit) -> None:
        """The day's reading is asked for with every tick until it is done."""
        if effect.entry_id is None:
            if self._reads_for_day:
                return
            self._reads_for_day = True
        self._reading.submit(self._read_audit, effect)

    def _read_audit(self, effect: ReadAudit) -> None:
        try:
            facts = read_facts(self.state_directory)
        except FactsError:
            facts = None
        try:
            with self._database.read() as tx:
                seen = examine(tx, facts)
        except DatabaseUnusable as error:
            _logger.error("The audit log cannot be read: %s", error.message)
            seen = AuditSeen(0, None, None, is_complete=False)
        finally:
            if effect.entry_id is None:
                self._reads_for_day = False
        self._tell(AuditRead(effect.entry_id, seen))

    def _look_at_host(self) -> None:
        try:
            self._launcher.facts()
        except LauncherUnavailable as error:
            _logger.error("The host cannot be looked at: %s", error.message)

    def find_again(self, again: StartRun, run: OpenRun) -> None:
        """A run that was open in the database when the bot started: a verdict from what it left."""
        name = again.start.spec.name
        try:
            status = self._launcher.status(name)
        except LauncherUnavailable as error:
            _logger.error("Run %s cannot be found again: %s", name, error.message)
            handle = self._handle(name)
            if RunFolder(handle.folder).has_begun:
                self._follow(handle)
            # Else nothing is known of it, and it is looked for again as a stray.
            return
        found = verdict(run, status)
        _logger.info("Run %s is found again: %s.", name, found.value)
        crashpoint("run_found")
        if found is Verdict.START:
            self.carry_out(again)
        elif found in {Verdict.TAKE_IN, Verdict.FOLLOW}:
            self._follow(self._handle(name))
        else:
            said = last_word(RunFolder(self._handle(name).folder))
            word = evidence(status, was_started=run.was_started) + said
            self._tell(RunLost(name, status, word))
        if again.start.job.cancelling:
            # Who was told to end it may have died before it did.
            self.carry_out(EndRun(name.job, name.attempt))

    def find_stray(self, again: StartRun, run: OpenRun) -> None:
        """A run that is open in the database and followed by nobody, though the bot runs: its start
        or its end was lost on the way, for example on a full disk. Behind all that is starting."""
        self._launch(self._find_stray, again, run)

    def _find_stray(self, again: StartRun, run: OpenRun) -> None:
        if again.start.spec.name not in self._watcher.followed():
            self.find_again(again, run)

    def stop(self) -> None:
        self._launches.shutdown(wait=True, cancel_futures=False)
        self._reading.shutdown(wait=True, cancel_futures=True)


def _log_failure(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        _logger.error("Something that was asked for in the background failed.", exc_info=error)


def starts_run(effect: Effect) -> bool:
    return isinstance(effect, StartRun)


def read_card(runs_directory: Path, name: RunName) -> str | None:
    """The text of the plan card that a plan run wrote."""
    try:
        return RunFolder(runs_directory / str(name)).card_file.read_text(encoding="utf-8")
    except OSError:
        return None
