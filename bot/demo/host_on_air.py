"""Lets the simulated Zulip go away, come back and change its version as the sample host's does."""

import threading
from types import TracebackType
from typing import Self

from bot.demo.mirror import Mirror
from bot.demo.sample_host.scripts.controls import Serving, read_serving
from bot.demo.zulip.server import SimulatedZulip
from handlers.host.layout import Layout

_EVERY_SECONDS = 0.05


class HostOnAir:
    """Follows what the imitated scripts say of the server, in a thread, while the block runs."""

    def __init__(self, layout: Layout, zulip: SimulatedZulip, mirror: Mirror | None = None) -> None:
        self._layout, self._zulip, self._mirror = layout, zulip, mirror
        self._seen = Serving(answers=True, version="", feature_level=0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="host on air", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._end.wait(_EVERY_SECONDS):
            found = read_serving(self._layout)
            if found is not None and found != self._seen:
                self._change(found)
                self._seen = found
            if self._mirror is not None and self._seen.answers:
                self._mirror.write()

    def _change(self, found: Serving) -> None:
        outages = self._zulip.outages
        if not found.answers:
            if found.refuse:
                outages.refuse_connections()
            else:
                outages.go_down()
        elif found.starts != self._seen.starts:
            version = (found.version, found.feature_level)
            restored_to = None if self._mirror is None else self._mirror.restored_to()
            if restored_to is None:
                # A restart so quick that nobody saw it down still cuts every poll.
                outages.restart(version=version)
            else:
                outages.restore_backup(restored_to, version=version)
