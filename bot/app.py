"""Puts the parts together; the only module that knows them all."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType

from bot.commands.contract import Installation
from bot.commands.registry import grammar_of, verbs
from bot.deciding.decisions import Decisions
from bot.deciding.effects import LookAtHost
from bot.deciding.quota import Quota
from bot.dispatcher import Dispatcher
from bot.events import Event, ScheduleDue, Stop, Tick
from bot.grammar import Grammar
from bot.hands import Hands, Tools
from bot.identity import UNKNOWN, Identity, remembered, remembered_server
from bot.listener import Listener
from bot.on_host.host_socket import HostSocket
from bot.on_host.single_instance import held_lock
from bot.reader import Reader
from bot.receiving.numbering import Known
from bot.replies.reply import render
from bot.sender import Sender
from bot.settings import Settings
from bot.zulip_api.answers import Unauthorized, sentence
from bot.zulip_api.zuliprc import ZuliprcError
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from handlers.errors import BadCommand
from jobs.clock import SystemClock
from jobs.configuration import Configuration
from jobs.configuration_file import ConfigurationError
from jobs.engine import Engine
from jobs.launcher import Launcher
from jobs.launching.choosing import choose
from jobs.policy_file import PolicyFile
from jobs.scheduler import Scheduler
from jobs.schedules import recurrences
from jobs.watcher import Watcher
from state import cursor, installation, schedule_store, seen_messages
from state.database import Database, Transaction, open_database
from state.schedule_store import NewSchedule

_logger = logging.getLogger(__name__)

#: How long a thread may keep the interpreter while another one waits for it.
TURN_SECONDS = 0.0005

#: How long Zulip may take to refuse the key at the start.
_FIRST_LOOK = timedelta(seconds=2)


@dataclass(slots=True)
class App:
    """One running bot."""

    settings: Settings
    database: Database
    dispatcher: Dispatcher
    hands: Hands
    listener: Listener
    reader: Reader
    sender: Sender
    watcher: Watcher
    scheduler: Scheduler
    socket: HostSocket

    def run(self) -> None:
        """Until SIGTERM, SIGINT or `stop`: the main thread is the dispatcher's."""
        # Before any thread: nothing is left running when the socket cannot be made.
        self.socket.start()
        # Threads that wait for their turn get it soon: with five milliseconds each, 👀 came late.
        sys.setswitchinterval(TURN_SECONDS)
        self.watcher.start()
        self.reader.start()
        self.sender.start()
        self.listener.start()
        with self.database.read() as tx:
            rows = schedule_store.all_schedules(tx)
        self.scheduler.start(recurrences(rows))
        self.hands.keep_grants()
        self.hands.carry_out(LookAtHost())
        try:
            self.dispatcher.run()
        finally:
            self._shut_down()

    def stop(self) -> None:
        """From any thread: finish what is begun and end; runs go on without us."""
        self.dispatcher.events.put(Stop())

    def _shut_down(self) -> None:
        self.scheduler.stop()
        self.socket.stop()
        self.listener.stop()
        self.hands.stop()
        self.sender.stop()
        self.reader.stop()
        self.watcher.stop()
        self.database.close()


def launcher_of(configuration: Configuration, settings: Settings) -> Launcher:
    """Who starts runs on this host, as the configuration says; raises ConfigurationError."""
    try:
        return choose(configuration, settings.state_directory)
    except KeyError:
        group = configuration.state.group
        raise ConfigurationError(
            f"{settings.path}: `state.group`: this host has no group {group}.",
            hint=f"Make it with `groupadd --system {group}`, or name another one.",
        ) from None


def build(settings: Settings, clock: Clock | None = None) -> App:
    """All parts, connected and not started; asks Zulip nothing.

    Raises ConfigurationError, ZuliprcError, DatabaseUnusable.
    """
    clock = clock or SystemClock()
    grammar = grammar_of(settings.configuration)
    check_schedules(settings, grammar)
    client = settings.client()
    database = open_database(settings.database)
    database.check_writable()
    decisions = _decisions(settings, database, grammar, clock)
    return _connected(settings, database, decisions, client, clock)


def check_schedules(settings: Settings, grammar: Grammar) -> None:
    """Raise ConfigurationError when a schedule's command could never run."""
    for schedule in settings.configuration.schedules:
        try:
            grammar.parse(schedule.command)
        except BadCommand as error:
            raise ConfigurationError(
                f"{settings.path}: the schedule `{schedule.name}`: {error.message}",
                hint=error.hint,
            ) from None


def _decisions(settings: Settings, database: Database, grammar: Grammar, clock: Clock) -> Decisions:
    configuration = settings.configuration
    with database.write() as tx:
        _mirror_schedules(tx, settings, clock)
        host_id, epoch = installation.host_id(tx), installation.epoch(tx)
        identity = remembered(tx)
    engine = Engine(
        epoch,
        host_id,
        configuration.host,
        configuration.stores,
        configuration.policy,
        configuration.backup.keys,
        settings.contents,
        configuration.backup.retention,
    )
    channel = configuration.zulip.channel
    # Before the first connection nobody knows the ids; nothing is said until then.
    if identity is None or identity.channel.casefold() != channel.casefold():
        identity = Identity(UNKNOWN, "ops", UNKNOWN, channel)
    about = Installation(
        host_id=host_id,
        epoch=epoch,
        bot_name=identity.bot_name,
        channel=channel,
        policy=configuration.policy,
        verbs=verbs(),
        tz=configuration.zulip.tz,
        state_directory=settings.state_directory,
        runs_directory=settings.state_directory / "runs",
        channel_may_be_open=configuration.zulip.channel_may_be_open,
    )
    policy_file = PolicyFile(settings.path, configuration.policy)
    quota = Quota(configuration.limits.commands_a_minute)
    return Decisions(engine, about, grammar, identity, policy_file, quota)


def _mirror_schedules(tx: Transaction, settings: Settings, clock: Clock) -> None:
    rows = [
        NewSchedule(one.name, one.command, one.cron, one.tz, one.catch_up, one.grace)
        for one in settings.configuration.schedules
    ]
    for name in schedule_store.sync_from_file(tx, rows, clock.now()):
        _logger.warning("The schedule %s from chat gives way to that of %s.", name, settings.path)


class _Mailbox:
    """Where the threads put events before the dispatcher exists."""

    def __init__(self) -> None:
        self.put: Callable[[Event], None] = lambda _event: None

    def tell(self, event: Event) -> None:
        self.put(event)


def _connected(
    settings: Settings,
    database: Database,
    decisions: Decisions,
    client: ZulipClient,
    clock: Clock,
) -> App:
    configuration = settings.configuration
    mailbox = _Mailbox()
    with database.read() as tx:
        start_from = cursor.load(tx)
    reader = Reader(client.another(), clock, mailbox.tell)
    sender = Sender(client.another(), database, render, clock, mailbox.tell)
    launcher = launcher_of(configuration, settings)
    watcher = Watcher(launcher, mailbox.tell)
    scheduler = Scheduler(
        clock,
        on_due=lambda name: mailbox.tell(ScheduleDue(name)),
        on_tick=lambda: mailbox.tell(Tick(clock.now())),
    )
    tools = Tools(database, clock, launcher, reader, watcher, sender, scheduler, mailbox.tell)
    hands = Hands(tools, settings.state_directory)
    dispatcher = Dispatcher(database, clock, decisions, hands)
    mailbox.put = dispatcher.events.put
    every = timedelta(seconds=configuration.observer.every_seconds)
    scheduler.add("observer", every, lambda: hands.carry_out(LookAtHost()))
    return App(
        settings=settings,
        database=database,
        dispatcher=dispatcher,
        hands=hands,
        listener=Listener(
            client,
            configuration.zulip.channel,
            mailbox.tell,
            start_from,
            known=lambda: known_of(database),
        ),
        reader=reader,
        sender=sender,
        watcher=watcher,
        scheduler=scheduler,
        socket=HostSocket(settings.socket, mailbox.tell),
    )


def known_of(database: Database) -> Known:
    """What is remembered of the server, for the listener."""
    with database.read() as tx:
        return Known(remembered_server(tx), seen_messages.newest(tx))


def run(settings: Settings) -> None:
    """The bot, until it is told to stop.

    Raises ConfigurationError, ZuliprcError, DatabaseUnusable, AlreadyRunning.
    """
    settings.make_state_directory()
    with held_lock(settings.lock):
        app = build(settings)
        refuse_wrong_key(settings)
        with _stopping_on_signals(app):
            app.run()


def refuse_wrong_key(settings: Settings) -> None:
    """Raise ZuliprcError when Zulip itself refuses the account: only a person can mend that.

    A Zulip that does not answer is waited for later on, so it costs little time here; a key that
    is taken away while the bot runs does not end it either.
    """
    client = settings.client()
    client.patience = _FIRST_LOOK
    answer = client.me()
    client.close()
    if isinstance(answer, Unauthorized):
        zuliprc = settings.configuration.zulip.zuliprc
        raise ZuliprcError(f"{sentence(answer)}; look at `email` and `key` in {zuliprc}.")


@contextmanager
def _stopping_on_signals(app: App) -> Iterator[None]:
    def stop(number: int, _frame: FrameType | None) -> None:
        _logger.info("Ending on %s.", signal.Signals(number).name)
        app.stop()

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            previous = signal.signal(number, stop)
            stack.callback(signal.signal, number, previous)
        yield
