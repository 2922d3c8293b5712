"""Sets the demo up, plays the tour or lets people chat, and takes everything down again."""

import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from bot.demo.bot_process import BotProcess
from bot.demo.chat import Chat
from bot.demo.markdown_text import Paper
from bot.demo.prompt import Prompt
from bot.demo.stage import Stage, Wish
from bot.demo.tour import RELEASES, SCHEDULE, Tour
from bot.demo.transcript import Transcript
from handlers.errors import HostFailure
from jobs.configuration import ScheduleSettings

Say = Callable[[str], None]

_WIDEST = 100
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What a person finds when they type `@ops schedules`.
_SCHEDULES = (
    ScheduleSettings("nightly backup", "backup now", "30 2 * * *"),
    ScheduleSettings("morning report", "status", "0 8 * * *"),
)


def perform(say: Say, *, on_terminal: bool) -> int:
    """The demo from beginning to end; its exit code."""
    with _ended_by_signals():
        try:
            return _perform(say, on_terminal=on_terminal)
        except HostFailure as failure:
            say(f"The demo failed. {failure.message}")
            if failure.tail:
                say(failure.tail)
            return 1


def _perform(say: Say, *, on_terminal: bool) -> int:
    started = time.monotonic()
    say("Starting a simulated Zulip, a sample host with PostgreSQL, an S3 server and the bot ...")
    schedules = _SCHEDULES if on_terminal else (SCHEDULE,)
    wish = Wish(version="1.3", releases=RELEASES, schedules=schedules)
    with ExitStack() as running:
        folder = running.enter_context(_folder())
        stage = running.enter_context(Stage.set_up(folder, wish))
        bot = running.enter_context(BotProcess(stage))
        running.enter_context(_deaf_at_the_end())
        say(f"Ready after {time.monotonic() - started:.1f} s.")
        say(f"The channel as a page: {stage.zulip.url}/")
        width = min(_WIDEST, shutil.get_terminal_size().columns)
        transcript = Transcript(Paper(width, names=stage.cast.names()))
        if on_terminal:
            return _chat(stage, bot, transcript)
        return _tour(stage, bot, transcript, say)


def _chat(stage: Stage, bot: BotProcess, transcript: Transcript) -> int:
    prompt = Prompt()
    try:
        Chat(stage.zulip, stage.cast, transcript, prompt, lambda: bot.has_ended).run()
    except KeyboardInterrupt:
        prompt.say("")
    if bot.has_ended:
        prompt.say(f"The bot has ended by itself. The end of its log:\n{bot.log_tail()}")
        return 1
    prompt.say("Taking everything down ...")
    return 0


def _tour(stage: Stage, bot: BotProcess, transcript: Transcript, say: Say) -> int:
    all_right = Tour(stage, transcript, say).play()
    code = bot.end()
    if code != 0:
        say(f"FAILED: at the end the bot was to exit with 0, but it was {code}.")
        all_right = False
    if not all_right:
        say(f"The end of the bot's log:\n{bot.log_tail()}")
    return 0 if all_right else 1


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account can pass through; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="zulip-ops-demo-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo in order, as Ctrl-C does."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else leave)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _deaf_at_the_end() -> Iterator[None]:
    """A second Ctrl-C must not leave half of it running."""
    try:
        yield
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
