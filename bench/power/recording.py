"""Records the real bot and its real runs under strace while people talk to it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench.power.calls import STRACE
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from handlers.host import process_table

ROOT = Path(__file__).parents[2]
BOT = (sys.executable, "-m", "bot")
#: The same program with a database that does not wait for the disk; it has to be caught.
HASTY_BOT = (sys.executable, "-m", "bench.power.hasty_bot")
_SMALL = Extent(messages=100, uploads=5, median_upload_bytes=1024)
_PATIENCE = timedelta(seconds=90)
_END_SECONDS = 60
#: Between two questions, so that each is taken in by itself.
_BREATH_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Talk:
    """How much is said; each part is a bot of its own on the same state,
    and each round of it has so many questions and a backup."""

    parts: int
    rounds: int
    questions: int
    backs_up: bool = True


@dataclass(frozen=True, slots=True)
class Shared:
    """Servers that are running already, for the tests."""

    cluster: PostgresCluster | None = None
    s3: S3Server | None = None


def record(
    folder: Path, talk: Talk, bot: tuple[str, ...] = BOT, shared: Shared | None = None
) -> list[Path]:
    """The traces of the parts, in order; what was traced lies below `folder`."""
    shared = shared or Shared()
    traces = [folder.with_name(f"{folder.name}.trace{part}") for part in range(talk.parts)]
    wish = Wish(extent=_SMALL)
    with Stage.set_up(folder, wish, cluster=shared.cluster, s3=shared.s3) as stage:
        stage.zulip.set_rate_limit(100_000)
        stage.stores = stage.stores[:1]
        stage.write_configuration(wish)
        for trace in traces:
            with _traced(stage, bot, trace):
                _talk(stage, talk)
    return traces


@contextmanager
def _traced(stage: Stage, bot: tuple[str, ...], trace: Path) -> Iterator[None]:
    before = _registrations(stage)
    command = (*STRACE, "-o", str(trace), *bot, "run", "--config", str(stage.configuration))
    # With -D it is the bot itself that we start, and the tracer its descendant.
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            stage.zulip.wait_until(lambda: _registrations(stage) > before, _PATIENCE)
            tracer = _tracer_of(process.pid)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_END_SECONDS)
    # It ends with the last process that it follows, and has written all then.
    _wait(lambda: not _is_running(tracer), "the end of the trace")


def _talk(stage: Stage, talk: Talk) -> None:
    zulip, cast = stage.zulip, stage.cast
    for number in range(talk.rounds):
        ends, answers = _ends(stage), _answers(stage) + talk.questions
        if talk.backs_up:
            zulip.post(cast.iago, cast.ops, f"backup {number}", "@**ops** backup now --yes")
            ends += 1
        for question in range(talk.questions):
            zulip.post(cast.iago, cast.ops, f"question {question}", "@**ops** whoami")
            time.sleep(_BREATH_SECONDS)
        zulip.wait_until(partial(_is_over, stage, ends, answers), _PATIENCE)


def _is_over(stage: Stage, ends: int, answers: int) -> bool:
    return _ends(stage) >= ends and _answers(stage) >= answers


def _ends(stage: Stage) -> int:
    return sum("** (`backup now --yes`) succeeded" in text for text in _said(stage))


def _answers(stage: Stage) -> int:
    return sum(text.startswith("You are ") for text in _said(stage))


def _said(stage: Stage) -> list[str]:
    bot_id = stage.cast.bot.id
    return [one.content for one in stage.zulip.messages() if one.sender_id == bot_id]


def _registrations(stage: Stage) -> int:
    return len(stage.zulip.calls("POST", "/api/v1/register", stage.cast.bot))


def _tracer_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])


def _is_running(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and found.is_running


def _wait(holds: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + _END_SECONDS
    while not holds():
        if time.monotonic() > give_up:
            raise TimeoutError(what)
        time.sleep(0.05)
