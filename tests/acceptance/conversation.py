"""A real bot on a stage: people say something, and a test sees what comes of it."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg2

from bot import app as bot_app
from bot.app import App
from bot.demo.stage import Stage
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from bot.events import Tick
from bot.settings import read_settings
from jobs.lifecycle import FINAL
from jobs.observing.facts import read_facts
from jobs.runs import process_tree
from jobs.runs.host_lock import LOCK_FILE
from state import audit_log, cursor, inbox, incident_store, installation, job_store, outbox
from state.database import DatabaseUnusable, Transaction, open_read_only
from state.inbox import Entry
from state.job_store import Job

PATIENCE = timedelta(seconds=30)
POLL_SECONDS = 0.02
CHECK, CROSS, EYES, STOP = "2705", "274c", "1f440", "1f6d1"
Found = TypeVar("Found")

BOT = (sys.executable, "-I", "-m", "bot", "run", "--config")


class ShiftedClock:
    """The time on the wall, plus what a test let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class _Tracebacks(logging.Handler):
    """Keeps what the bot could not handle."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.seen.append(logging.Formatter("%(message)s").format(record))


class BotProcess(Protocol):
    """What is done with a bot in a process of its own; as subprocess has it."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | Any: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...

    def send_signal(self, sig: int) -> None: ...


@dataclass(slots=True)
class Conversation:
    """One stage with one bot, in a thread of ours or in a process of its own."""

    stage: Stage
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    app: App | None = None
    process: BotProcess | None = None
    _thread: threading.Thread | None = None
    _tracebacks: _Tracebacks = field(default_factory=_Tracebacks)
    _topics: Iterator[int] = field(default_factory=lambda: count(1))

    # The bot

    def start_bot(self) -> None:
        """In a thread; returns once it is connected."""
        before = self._registrations()
        logging.getLogger().addHandler(self._tracebacks)
        self.stage.state.mkdir(mode=0o750, exist_ok=True)
        self.app = bot_app.build(read_settings(self.stage.configuration), self.clock)
        self._thread = threading.Thread(target=self.app.run, name="bot")
        self._thread.start()
        self._wait_until_connected(before)

    def start_process(
        self,
        program: tuple[str, ...] = BOT,
        *,
        wait: bool = True,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """In a process of its own, as the unit starts it; `more` goes into its environment."""
        before = self._registrations()
        self.process = subprocess.Popen(
            (*program, str(self.stage.configuration)),
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(more or {})},
        )
        if wait:
            self._wait_until_connected(before)

    def stop_bot(self) -> None:
        """In order, whichever way it was started."""
        if self.app is not None and self._thread is not None:
            self.app.stop()
            self._thread.join(20)
            assert not self._thread.is_alive(), "the bot did not end"
            self.app = self._thread = None
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(20) == 0
            self.process = None

    def kill_bot(self) -> None:
        """SIGKILL to the process; a bot in a thread cannot be killed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)
        self.process = None

    def restart_bot(self) -> None:
        self.stop_bot()
        self.start_bot()

    @contextmanager
    def without_bot(self) -> Iterator[None]:
        """The bot is stopped while the block runs."""
        self.stop_bot()
        try:
            yield
        finally:
            self.start_bot()

    def let_pass(self, time_span: timedelta) -> None:
        """Time goes on, for Zulip and for the bot, which looks at the clock now and then."""
        self.clock.ahead += time_span
        self.stage.zulip.clock.advance(time_span)
        if self.app is not None:
            self.app.dispatcher.events.put(Tick(self.clock.now()))

    def _wait_until_connected(self, before: int) -> None:
        self.until(lambda: self._registrations() > before, "the bot connected")
        # From here on nothing is lost, whatever happens to the queue.
        self.until(self._knows_where_it_stands, "it knows where it stands")

    def _knows_where_it_stands(self) -> bool:
        try:
            return self.read(cursor.load) is not None
        except DatabaseUnusable:
            return False

    def _registrations(self) -> int:
        return len(self.stage.zulip.calls("POST", "/api/v1/register", self.stage.cast.bot))

    def close(self) -> None:
        """End the bot and what it started; fails when it had stumbled or left something."""
        self.stop_bot()
        try:
            self.until(lambda: not self.processes(), "every run ended")
            self.until(lambda: not _leftover_threads(), "every thread ended")
        finally:
            for folder in self.run_folders():
                process_tree.end(folder)
            logging.getLogger().removeHandler(self._tracebacks)
        assert self._tracebacks.seen == []

    # What people do and see

    def say(self, person: Person, text: str, *, topic: str | None = None) -> int:
        """Post into the ops channel, in a topic of its own unless told; the message's id."""
        topic = topic or f"talk {next(self._topics)}"
        return self.stage.zulip.post(person, self.stage.cast.ops, topic, text)

    def ask(self, person: Person, command: str, *, topic: str | None = None) -> int:
        """Say it to the bot."""
        return self.say(person, f"@**ops** {command}", topic=topic)

    def whisper(self, person: Person, text: str) -> int:
        """A direct message to the bot."""
        return self.stage.zulip.post_direct(person, self.stage.cast.bot, content=text)

    def answer_to(self, message_id: int) -> str:
        """What the bot says next where that message lies."""
        return self.answers_to(message_id, 1)[0]

    def answers_to(self, message_id: int, number: int) -> list[str]:
        """The first so many things it says there."""
        asked = self.message(message_id)

        def answers() -> list[str]:
            return [m.content for m in self.from_bot() if m.id > message_id and _same(m, asked)]

        self.until(lambda: len(answers()) >= number, f"an answer to {asked.content!r}")
        return answers()[:number]

    def hear(self, person: Person, command: str) -> str:
        """Ask, and the answer."""
        return self.answer_to(self.ask(person, command))

    def message(self, message_id: int) -> SeenMessage:
        found = self.stage.zulip.message(message_id)
        assert found is not None, f"message {message_id} is gone"
        return found

    def from_bot(self) -> list[SeenMessage]:
        bot = self.stage.cast.bot
        return [message for message in self.stage.zulip.messages() if message.sender_id == bot.id]

    def marks(self, message_id: int) -> set[str]:
        """The codes of the bot's own reactions on a message."""
        bot = self.stage.cast.bot
        reactions = self.message(message_id).reactions
        return {reaction.emoji_code for reaction in reactions if reaction.user_id == bot.id}

    def wait_for_marks(self, message_id: int, *codes: str) -> None:
        self.until(lambda: self.marks(message_id) == set(codes), f"the marks {codes}")

    def react(self, person: Person, message_id: int, emoji_name: str = "check") -> None:
        self.stage.zulip.react(person, message_id, emoji_name)

    def unreact(self, person: Person, message_id: int, emoji_name: str = "check") -> None:
        self.stage.zulip.unreact(person, message_id, emoji_name)

    # Jobs

    def job_for(self, message_id: int) -> Job:
        """The job that a command became."""
        return self.wait(lambda: self._job_of(message_id), "a job")

    def job(self, job_id: int) -> Job:
        found = self.read(lambda tx: job_store.get(tx, job_id))
        assert found is not None
        return found

    def jobs(self) -> list[Job]:
        return self.read(lambda tx: job_store.page(tx, limit=100))

    def _job_of(self, message_id: int) -> Job | None:
        entry = self.entry(message_id)
        return None if entry is None or entry.job_id is None else self.job(entry.job_id)

    def entry(self, message_id: int) -> Entry | None:
        """The inbox row of a message."""
        return self.read(lambda tx: inbox.by_message(tx, installation.epoch(tx), message_id))

    def reached(self, job_id: int, *statuses: str) -> Job:
        """The job once it has one of these statuses."""

        def there() -> Job | None:
            job = self.job(job_id)
            assert job.status in statuses or job.status not in FINAL, f"{job.status} {job.sentence}"
            return job if job.status in statuses else None

        return self.wait(there, f"job {job_id} {statuses}")

    def card(self, job_id: int) -> SeenMessage:
        """The plan that is waiting for consent."""
        waiting = self.wait(
            lambda: self.job(job_id) if self.job(job_id).card_message_id else None, "the card"
        )
        assert waiting.card_message_id is not None
        return self.message(waiting.card_message_id)

    def end_of(self, job_id: int) -> SeenMessage:
        """The message that tells the end of a job."""
        ended = self.wait(
            lambda: self.job(job_id) if self.job(job_id).end_message_id else None, "the end"
        )
        assert ended.end_message_id is not None
        return self.message(ended.end_message_id)

    def in_topic_of(self, job_id: int) -> list[SeenMessage]:
        """Everything in the topic of a job, whatever it is called by now."""
        anchor = self.job(job_id).anchor_message_id
        topic = self.message(anchor).topic if anchor else None
        return [] if topic is None else self.stage.zulip.messages(self.stage.cast.ops, topic)

    def run_folders(self) -> list[Path]:
        runs = self.stage.state / "runs"
        return sorted(runs.iterdir()) if runs.is_dir() else []

    def processes(self) -> list[int]:
        """Every process of every run."""
        return [
            entry.pid for folder in self.run_folders() for entry in process_tree.members(folder)
        ]

    @contextmanager
    def local_store_unusable(self) -> Iterator[None]:
        """A file lies in place of the directory, so `backup now --to local` fails in its plan."""
        directory = self.stage.stores[0].path
        assert directory is not None
        aside = directory.with_name("put-aside")
        had_one = directory.exists()
        if had_one:
            directory.rename(aside)
        directory.touch(mode=0o600)
        try:
            yield
        finally:
            directory.unlink()
            if had_one:
                aside.rename(directory)

    @contextmanager
    def backup_held(self) -> Iterator[None]:
        """A backup that runs while the block does, does not come past a locked sequence.

        A table would hold back what looks at the database before the dump begins.
        """
        database = self.stage.host.database
        assert database is not None
        holder = psycopg2.connect(
            host=str(database.cluster.socket), dbname=database.name, user="zulip"
        )
        try:
            with holder.cursor() as statement:
                statement.execute("ALTER SEQUENCE zulip.zerver_message_id_seq RENAME TO held")
            yield
        finally:
            holder.close()

    def held_at_the_table(self) -> int:
        """How many dumps wait for it."""
        database = self.stage.host.database
        assert database is not None
        # A cluster holds the databases of many stages.
        here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
        asked = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND database = {here}"
        return int(database.cluster.sql(asked, database=database.name))

    def wait_until_held(self) -> None:
        self.until(lambda: self.held_at_the_table() > 0, "the dump waits")

    # The database, the host, and waiting

    def read(self, question: Callable[[Transaction], Found]) -> Found:
        database = open_read_only(self.stage.state / "zulip-ops.db")
        try:
            with database.read() as tx:
                return question(tx)
        finally:
            database.close()

    def settled(self) -> None:
        """Until the bot has nothing more to say."""
        self.until(lambda: self.read(outbox.count_pending) == 0, "the outbox is empty")

    def look_at_host(self) -> None:
        """Until a round of observations that begins now has ended."""
        asked = self.clock.now() - self.clock.ahead
        self.ask(self.stage.cast.iago, "status --fresh")

        def looked() -> bool:
            facts = read_facts(self.stage.state)
            return facts is not None and facts.started_at >= asked

        self.until(looked, "a new round of observations")

    def close_incidents(self) -> None:
        """Somebody has looked after all of them."""
        for one in self.read(incident_store.open_incidents):
            reason = "the test was looked at"
            self.hear(self.stage.cast.iago, f'incident {one.id} close --reason "{reason}"')

    def lock_is_free(self) -> bool:
        """Whether another run could change the host."""
        done = subprocess.run(
            ("flock", "--nonblock", str(self.stage.state / LOCK_FILE), "true"), check=False
        )
        return done.returncode == 0

    def snapshots(self, store: str) -> set[str]:
        """The ids in the answer to `backups` that this store holds verified."""
        self.look_at_host()
        lines = self.hear(self.stage.cast.iago, "backups").splitlines()
        return {line[-25:-1] for line in lines if f"{store} verified" in line}

    def audit_chain_holds(self) -> bool:
        return self.read(audit_log.verify) is None

    def until(self, holds: Callable[[], bool], what: str) -> None:
        self.wait(lambda: holds() or None, what)

    def wait(self, look: Callable[[], Found | None], what: str) -> Found:
        """Until there is something to see; looks often, and not for ever."""
        give_up = time.monotonic() + PATIENCE.total_seconds()
        while (found := look()) is None:
            assert time.monotonic() < give_up, f"waited in vain: {what}\n{self.told()}"
            time.sleep(POLL_SECONDS)
        return found

    def told(self) -> str:
        """The last messages, for whoever reads a failure."""
        last = self.stage.zulip.messages()[-8:]
        return "\n".join(f"{m.id} {m.topic} | {m.sender}: {m.content[:300]}" for m in last)


def job_number(text: str) -> int:
    found = re.search(r"job #(\d+)", text, re.IGNORECASE)
    assert found is not None, text
    return int(found[1])


def _same(message: SeenMessage, other: SeenMessage) -> bool:
    if other.channel is None:
        return message.participant_ids == other.participant_ids
    return message.topic.removeprefix("✔ ") == other.topic.removeprefix("✔ ")


def _leftover_threads() -> list[str]:
    """What a bot in a thread must not leave behind."""
    ours = ("bot", "listener", "reader", "sender", "observer", "cancel", "launch", "run watcher")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(ours)]


def is_root() -> bool:
    return os.geteuid() == 0
