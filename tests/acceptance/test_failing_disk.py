"""The disk is full, fails, or is locked: what has its 👀 stays, and the bot goes on by itself.

The bot is a process of its own whose log is read; strace makes its system calls fail.
"""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from bot.demo.stage import Stage
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.people import Person
from bot.on_host.command_line import ask_bot
from tests.acceptance.conversation import BOT, EYES, Conversation, is_root

FULL = "cannot be written because the disk is full: free space on its file system."
FAILS = "cannot be read or written because the disk fails"
HALTED = "Until then no command is taken in"
AGAIN = "The database takes everything again"
_WITH_LOG = ("/bin/sh", "-c", 'exec "$@" 2>"$0"')

_topics = count(1)

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace, which makes the disk fail, is not installed"
)
needs_root = pytest.mark.skipif(not is_root(), reason="only root can mount a small file system")


@dataclass(slots=True)
class Bot:
    """A conversation with a bot whose disk is in trouble."""

    talk: Conversation
    log: Path

    def start(self, *tracer: str) -> None:
        self.talk.start_process((*_WITH_LOG, str(self.log), *tracer, *BOT))

    def ask(self, person: Person) -> int:
        """In a topic that no other test has."""
        return self.talk.ask(person, "whoami", topic=f"disk {next(_topics)}")

    def logged(self, words: str) -> int:
        return self.log.read_text().count(words)

    def wait_for_log(self, words: str) -> None:
        self.talk.until(lambda: self.logged(words) > 0, f"the log says {words!r}")

    def is_running(self) -> bool:
        assert self.talk.process is not None
        return self.talk.process.poll() is None

    def acknowledged(self, asked: list[int]) -> list[int]:
        return [each for each in asked if self.talk.marks(each)]

    def is_known(self, message_id: int) -> bool:
        return self.talk.entry(message_id) is not None

    def all_is_well_with(self, asked: list[int]) -> None:
        """Each was acknowledged and answered once, and the database is whole."""
        for each in asked:
            self.talk.answer_to(each)
        self.talk.settled()
        for each in asked:
            topic = self.talk.message(each).topic
            assert sum(one.topic == topic for one in self.talk.from_bot()) == 1, topic
            assert self.is_known(each)
        assert self.talk.audit_chain_holds()
        assert self.logged("Traceback") == 0


@pytest.fixture
def bot(stage: Stage) -> Iterator[Bot]:
    if stage.state.exists() and not stage.state.is_mount():
        shutil.rmtree(stage.state)
    with closing(Conversation(stage)) as talk:
        made = Bot(talk, stage.folder / "bot.log")
        yield made
        assert made.is_running(), made.log.read_text()


@contextmanager
def small_disk(state: Path, size: str) -> Iterator[None]:
    """The state directory on a file system of its own."""
    state.mkdir(mode=0o750)
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", state), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", state), check=True)
        state.rmdir()


@pytest.fixture
def small(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Before the bot, so that it is gone only after it."""
    if stage.state.exists():
        shutil.rmtree(stage.state)
    with small_disk(stage.state, request.param):
        yield stage.state / "filler"


def is_full(filler: Path) -> bool:
    """It is now, to the last byte, whatever the bot has given back meanwhile."""
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return True


@needs_root
@pytest.mark.parametrize("small", ["600k"], indirect=True)
def test_on_a_full_disk_nothing_acknowledged_is_lost_and_it_recovers_by_itself(
    small: Path, bot: Bot, cast: Cast
) -> None:
    bot.start()
    asked = [bot.ask(cast.iago) for _ in range(3)]
    bot.talk.wait_for_marks(asked[-1], EYES)
    assert is_full(small)
    asked += [bot.ask(cast.iago) for _ in range(5)]
    bot.talk.until(lambda: is_full(small) and bot.logged(FULL) > 0, "the log says so")
    for _ in range(20):
        assert is_full(small)
        time.sleep(0.1)

    assert bot.is_running()
    assert bot.logged(HALTED) == 1
    assert all(bot.is_known(each) for each in bot.acknowledged(asked))
    socket = bot.talk.stage.state / "bot.sock"
    # Whoever asks on the host is told why; now and then the bot finds a little room by itself.
    bot.talk.until(
        lambda: is_full(small) and ask_bot(socket, "version").text.endswith(FULL),
        "the host is told",
    )

    small.unlink()
    bot.wait_for_log(AGAIN)
    bot.all_is_well_with(asked)


@needs_root
@pytest.mark.parametrize("small", ["900k"], indirect=True)
def test_a_run_that_ends_on_a_full_disk_is_told_when_there_is_room_again(
    small: Path, bot: Bot, cast: Cast
) -> None:
    bot.start()
    with bot.talk.backup_held():
        asked = bot.talk.ask(cast.iago, "backup now --yes")
        job = bot.talk.job_for(asked)
        bot.talk.wait_until_held()
        bot.talk.settled()
        asked = bot.ask(cast.iago)
        bot.talk.until(lambda: is_full(small) and bot.logged(HALTED) > 0, "the disk stays full")
    result = bot.talk.stage.state / "runs" / f"{job.id}-2" / "result.json"
    bot.talk.until(lambda: is_full(small) and result.exists(), "the result, in its own room")

    small.unlink()
    bot.talk.reached(job.id, "succeeded")
    bot.talk.end_of(job.id)
    bot.all_is_well_with([asked])
    told = [one.content for one in bot.talk.in_topic_of(job.id)]
    assert sum("(`backup now --yes`) succeeded" in text for text in told) == 1


@needs_strace
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fdatasync:error=EIO:when=30..31", FAILS),
        ("pwrite64:error=ENOSPC:when=200..201", FULL),
    ],
)
def test_a_disk_that_fails_for_a_while_loses_no_command_and_doubles_none(
    bot: Bot, cast: Cast, fault: str, said: str
) -> None:
    traced = ("-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}")
    calls = bot.log.with_name("calls")
    bot.start("strace", "-D", "-f", "-o", str(calls), *traced)
    asked: list[int] = []
    # strace counts the calls of each thread by itself, so how many commands it takes varies.
    while bot.logged(said) == 0:
        assert len(asked) < 200
        asked.append(bot.ask(cast.iago))
        time.sleep(0.1)
    bot.wait_for_log(AGAIN)
    assert calls.read_text().count("INJECTED") >= 1
    bot.all_is_well_with(asked)


def test_a_database_that_another_process_keeps_locked_is_waited_for(bot: Bot, cast: Cast) -> None:
    bot.start()
    database = bot.talk.stage.state / "zulip-ops.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asked = [bot.ask(cast.iago) for _ in range(3)]
        bot.wait_for_log("is locked by another process")
        assert bot.acknowledged(asked) == []
        other.execute("ROLLBACK")
    bot.all_is_well_with(asked)
    assert bot.logged(AGAIN) == 1
