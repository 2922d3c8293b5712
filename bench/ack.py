"""How soon a command is acknowledged, beside a bare zulip_bots echo bot on the same server."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bench.report import Figure, arguments, report
from bot.demo.stage import Stage
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from bot.zulip_api.words import EYES
from handlers.host import processes

ECHO = """
class EchoHandler:
    def usage(self):
        return "Says what it is told."

    def handle_message(self, message, bot_handler):
        bot_handler.send_reply(message, message["content"])


handler_class = EchoHandler
"""
ECHO_CHANNEL = "echo"
#: Half of the second for each of the two, so that they never share one.
TURN_SECONDS = 0.5
LONGEST = timedelta(seconds=10)


def main() -> None:
    given = arguments()
    commands = 200 if given.full else 40
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Stage.set_up(folder) as stage, _both_bots(stage) as echo:
            _wait_until_both_answer(stage, echo)
            ours, theirs = _measure(stage, echo, commands)
    figures = {
        "p50_over_baseline_ms": _difference(ours, theirs, 50, "<= 15"),
        "p99_over_baseline_ms": _difference(ours, theirs, 99, "<= 60"),
        "p50_ms": Figure(round(_percentile(ours, 50), 1), "told"),
        "p99_ms": Figure(round(_percentile(ours, 99), 1), "told"),
        "slowest_ms": Figure(round(max(ours), 1), "told"),
        "baseline_p50_ms": Figure(round(_percentile(theirs, 50), 1), "told"),
        "baseline_p99_ms": Figure(round(_percentile(theirs, 99), 1), "told"),
    }
    report("ack", figures)


@contextmanager
def _both_bots(stage: Stage) -> Iterator[Person]:
    """Our bot as it is started on a server, and the echo bot by zulip_bots' own runner."""
    echo = stage.zulip.add_person("echo", "echo-bot@example.com", is_bot=True)
    # In a channel of its own: each would otherwise poll for the other's messages too, and the two
    # together meet the server's limit of 200 polls a minute.
    stage.zulip.subscribe(stage.zulip.add_channel(ECHO_CHANNEL), echo, stage.cast.iago)
    code = stage.folder / "echo.py"
    code.write_text(ECHO)
    zuliprc = stage.zulip.zuliprc(echo, stage.folder / "echo-zuliprc")
    programs = Path(sys.executable).parent
    ours = (sys.executable, "-m", "bot", "run", "--config", str(stage.configuration))
    theirs = (str(programs / "zulip-run-bot"), str(code), "--config-file", str(zuliprc))
    home = {"HOME": str(stage.folder)}
    with processes.start(ours), processes.start(theirs, environment=home):
        yield echo


def _wait_until_both_answer(stage: Stage, echo: Person) -> None:
    registered = {stage.cast.bot.email, echo.email}
    stage.zulip.wait_until(
        lambda: registered <= {call.user for call in stage.zulip.calls("POST", "/api/v1/register")},
        timedelta(seconds=30),
    )


def _measure(stage: Stage, echo: Person, commands: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(commands):
        ours.append(_turn(lambda: _acknowledged(stage)))
        theirs.append(_turn(lambda: _echoed(stage, echo)))
        if number % 20 == 19:
            sys.stderr.write(
                f"{number + 1} commands: {statistics.median(ours):.1f} ms, "
                f"baseline {statistics.median(theirs):.1f} ms\n"
            )
    return ours, theirs


def _turn(measured: Callable[[], float]) -> float:
    ends = time.monotonic() + TURN_SECONDS
    milliseconds = measured()
    time.sleep(max(0.0, ends - time.monotonic()))
    return milliseconds


def _acknowledged(stage: Stage) -> float:
    bot_id = stage.cast.bot.id
    started = time.monotonic()
    posted = stage.zulip.post(stage.cast.iago, stage.cast.ops, "ack", "@**ops** whoami")

    def has_eyes() -> bool:
        message = stage.zulip.message(posted)
        return message is not None and message.has_reaction(EYES.code, bot_id)

    stage.zulip.wait_until(has_eyes, LONGEST)
    return (time.monotonic() - started) * 1000


def _echoed(stage: Stage, echo: Person) -> float:
    started = time.monotonic()
    posted = stage.zulip.post(stage.cast.iago, ECHO_CHANNEL, "echo", "@**echo** whoami")

    def is_echo(message: SeenMessage) -> bool:
        return message.sender_id == echo.id

    stage.zulip.wait_for(is_echo, LONGEST, after=posted)
    return (time.monotonic() - started) * 1000


def _difference(ours: list[float], theirs: list[float], percent: int, goal: str) -> Figure:
    return Figure(round(_percentile(ours, percent) - _percentile(theirs, percent), 1), goal)


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


if __name__ == "__main__":
    main()
