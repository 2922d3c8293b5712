"""What people say to the bot of the booted system, and what they see of its jobs."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TypeVar

from bench.booted.server import DATABASE, Server, psql
from bench.booted.systemd import RUNS, until
from bot.demo.zulip.views import SeenMessage
from handlers.host import processes
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import unit_name
from state import job_store
from state.database import Transaction, open_read_only
from state.job_store import Job

Found = TypeVar("Found")

_STATE = RUNS.with_name("zulip-ops.db")
_ANSWER = timedelta(seconds=20)
#: A message that comes a second time comes soon.
_AGAIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Talk:
    """Iago is the operator; each command has a topic of its own."""

    server: Server
    _topics: Iterator[int] = field(default_factory=lambda: count(1))

    def registrations(self) -> int:
        """How often the bot has connected."""
        calls = self.server.zulip.calls("POST", "/api/v1/register", self.server.cast.bot)
        return sum(call.status == 200 for call in calls)

    def answer(self, command: str) -> str:
        """What the bot says to a command; TimeoutError when it says nothing."""
        zulip, cast = self.server.zulip, self.server.cast
        topic = f"talk {next(self._topics)}"
        asked = zulip.post(cast.iago, cast.ops, topic, f"@**ops** {command}")

        def is_answer(message: SeenMessage) -> bool:
            return message.sender_id == cast.bot.id and message.topic.endswith(topic)

        return zulip.wait_for(is_answer, _ANSWER, after=asked).content

    def begin_backup(self) -> int:
        """The job's number once its dump waits for the held table."""
        self.answer("backup now --yes")
        until(self.is_dump_waiting, "the dump waits for the table")
        (newest,) = _in_database(lambda tx: job_store.page(tx, limit=1))
        return newest.id

    def is_dump_waiting(self) -> bool:
        return self._asked("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

    def ends_told(self, job: int) -> int:
        """How often the end of the job was said; waits for the first, and whether more come."""
        until(lambda: _job(job).end_message_id is not None, f"the end of job {job} is told", 60)
        with suppress(TimeoutError):
            until(lambda: self._told(job) > 1, "it is told again", _AGAIN_SECONDS)
        return self._told(job)

    def end(self, job: int) -> str:
        """The message that tells the end; LookupError before there is one."""
        message = self.server.zulip.message(_job(job).end_message_id or 0)
        if message is None:
            raise LookupError(f"the end of job {job} is not told")
        return message.content

    def say_something(self) -> None:
        """A command to which no answer is waited for."""
        cast, topic = self.server.cast, f"talk {next(self._topics)}"
        self.server.zulip.post(cast.iago, cast.ops, topic, "@**ops** whoami")

    @contextmanager
    def backup_held(self) -> Iterator[None]:
        """No backup comes past the dump of one table while the block runs."""
        with processes.start((*psql(DATABASE), "--quiet"), stdin=True, user="zulip") as holder:
            assert holder.stdin is not None
            holder.stdin.write(
                b"BEGIN; LOCK TABLE zulip.zerver_recipient IN ACCESS EXCLUSIVE MODE;\n"
            )
            holder.stdin.flush()
            asked = (
                "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'"
                " AND relation = 'zulip.zerver_recipient'::regclass"
            )
            until(lambda: self._asked(asked) > 0, "the table is held")
            yield
            # The end of its input ends psql, and with it the lock.
            holder.stdin.close()
            holder.wait(_ANSWER)

    def _asked(self, query: str) -> int:
        argv = (*psql(DATABASE), "--tuples-only", "--no-align", f"--command={query}")
        return int(processes.run(argv, timeout=_ANSWER, user="zulip").output)

    def _told(self, job: int) -> int:
        """The bot says the same thing twice of no job but by mistake."""
        zulip, cast, end = self.server.zulip, self.server.cast, self.end(job)
        said = (each for each in zulip.messages(cast.ops) if each.sender_id == cast.bot.id)
        return sum(each.content == end for each in said)


def status_of(job: int) -> str:
    """In the bot's own database; a backup has `succeeded` only when it was verified."""
    return _job(job).status


def sentence_of(job: int) -> str:
    """What is told of its end."""
    return _job(job).sentence or ""


def ended_at(job: int) -> float:
    """In seconds since 1970; AssertionError before its end."""
    ended = _job(job).ended_at
    assert ended is not None, f"job {job} has not ended"
    return ended.timestamp()


def last_job_told() -> int:
    """The highest number of a job whose end was said; 0 when there is none."""
    newest = _in_database(lambda tx: job_store.page(tx, limit=20))
    return max((job.id for job in newest if job.end_message_id is not None), default=0)


def run_of(job: int) -> RunFolder:
    """The run that carries the plan out."""
    return RunFolder(RUNS / f"{job}-2")


def unit_of(job: int) -> str:
    """The unit of that run."""
    return unit_name(run_of(job).read_spec().epoch, run_of(job).name)


def pid_of(job: int) -> int:
    """The process of that run; AssertionError before it has begun."""
    runner = run_of(job).runner()
    assert runner is not None, f"the run of job {job} has not begun"
    return runner.pid


def is_running(job: int) -> bool:
    """Whether the run's own process is there and has not ended."""
    folder = run_of(job)
    runner = folder.runner()
    return runner is not None and runner.is_running and not folder.has_ended


def _job(number: int) -> Job:
    found = _in_database(lambda tx: job_store.get(tx, number))
    assert found is not None, f"there is no job {number}"
    return found


def _in_database(question: Callable[[Transaction], Found]) -> Found:
    with closing(open_read_only(_STATE)) as database, database.read() as tx:
        return question(tx)
