"""The bot, with a clock that may be ahead and that it looks at several times a second."""

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app import App, build
from bot.events import Tick
from bot.on_host.single_instance import held_lock
from bot.settings import read_settings

#: Seconds, in the environment.
AHEAD = "ZULIP_OPS_CLOCK_AHEAD"
_TICK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ClockAhead:
    """The time on the wall, and some more."""

    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def main(configuration: Path) -> None:
    """Until it is killed."""
    clock = ClockAhead(timedelta(seconds=float(os.environ.get(AHEAD, "0"))))
    settings = read_settings(configuration)
    settings.make_state_directory()
    with held_lock(settings.lock):
        app = build(settings, clock)
        threading.Thread(target=_tick, args=(app, clock), daemon=True).start()
        app.run()


def _tick(app: App, clock: ClockAhead) -> None:
    """What the scheduler does every twenty seconds."""
    while True:
        time.sleep(_TICK_SECONDS)
        app.dispatcher.events.put(Tick(clock.now()))
