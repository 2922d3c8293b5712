"""Asks Zulip from outside, again and again, and measures how long it was away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import zulip_web
from handlers.host.settings import HostSettings
from handlers.wording import duration

#: Between the end of one probe and the beginning of the next.
EVERY = timedelta(seconds=0.25)
#: Seen on 9.2 after a migration: one request hung for more than 30 s while others were answered.
PROBE_LIMIT = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class Probe:
    """One request from outside; times are monotonic seconds."""

    began: float
    ended: float
    #: What answered; None: nothing did, or not Zulip.
    version: str | None


@dataclass(frozen=True, slots=True)
class Downtime:
    """How long Zulip did not answer, and how far the true figure may be from that."""

    seconds: float
    within_seconds: float
    spells: int
    probes: int


def probe(settings: HostSettings, limit: timedelta = PROBE_LIMIT) -> Probe:
    """Ask which version is running."""
    began = time.monotonic()
    try:
        version: str | None = zulip_web.ask_version(settings, limit).version
    except HostFailure:
        version = None
    return Probe(began, time.monotonic(), version)


@dataclass(slots=True)
class Watch:
    """Probes in a thread of its own for as long as the block of `watching` runs."""

    settings: HostSettings
    probes: list[Probe] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._end.is_set():
            self.probes.append(probe(self.settings))
            self._end.wait(EVERY.total_seconds())

    def stop(self) -> None:
        self._end.set()


@contextmanager
def watching(settings: HostSettings) -> Iterator[Watch]:
    """Probe while the block runs; the first probe has ended before it begins."""
    watch = Watch(settings, [probe(settings)])
    thread = threading.Thread(target=watch.run, name="probes", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(PROBE_LIMIT.total_seconds() + 1)


def downtime(probes: list[Probe]) -> Downtime:
    """From the first probe that failed to the first that was answered again, all spells added.

    Zulip may have gone right after the last good probe, and come back right after the last one
    that failed: the true figure lies within `within_seconds` of the measured one.
    """
    seconds = within = 0.0
    spells = 0
    failed_first: Probe | None = None
    before: Probe | None = None
    for each in probes:
        if each.version is None and failed_first is None:
            failed_first, spells = each, spells + 1
            within += each.began - before.began if before else 0.0
        elif each.version is not None and failed_first is not None and before is not None:
            seconds += each.ended - failed_first.began
            within += each.ended - before.began
            failed_first = None
        before = each
    if failed_first is not None and before is not None:
        seconds += before.ended - failed_first.began
    return Downtime(round(seconds, 1), round(within, 1), spells, len(probes))


def told(away: Downtime) -> str:
    """How long Zulip was away, with how far that may be from the truth."""
    every = f"one probe every {EVERY.total_seconds():g} s"
    if not away.spells:
        return f"No probe from outside failed ({every}, {away.probes} of them)."
    spells = f", in {away.spells} spells" if away.spells > 1 else ""
    return (
        f"It did not answer for {duration(away.seconds)}{spells}: measured from outside,"
        f" {every}, so at most {duration(away.within_seconds)} off."
    )


def note_downtime(context: Context, watch: Watch) -> Downtime:
    """Measure it and keep it as facts of the run."""
    away = downtime(watch.probes)
    context.journal.fact("downtime_seconds", away.seconds)
    context.journal.fact("downtime_within_seconds", away.within_seconds)
    return away


def wait_for_version(settings: HostSettings, watch: Watch, wanted: str, limit: timedelta) -> bool:
    """Until a probe that begins now is answered by `wanted`, and Zulip says that it is healthy."""
    deadline = time.monotonic() + limit.total_seconds()
    begun = time.monotonic()
    while time.monotonic() < deadline:
        last = watch.probes[-1]
        if last.began >= begun and last.version == wanted and _is_healthy(settings):
            return True
        time.sleep(EVERY.total_seconds() / 2)
    return False


def _is_healthy(settings: HostSettings) -> bool:
    try:
        return zulip_web.ask_health(settings, PROBE_LIMIT).ready
    except HostFailure:
        return False
