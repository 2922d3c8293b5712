"""Has rounds of observations made, one at a time, in a process of their own."""

import logging
import sys
import threading
from datetime import timedelta

from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.processes import Argv
from jobs.observing.observer_spec import ObserverSpec, write_spec

OBSERVER: Argv = (sys.executable, "-I", "-m", "jobs.observer")
ROUND_LIMIT = timedelta(minutes=2)

LOG = logging.getLogger(__name__)


class Rounds:
    """Whoever asks during a round gets one that began afterwards."""

    def __init__(self, spec: ObserverSpec) -> None:
        self._spec = spec
        self._observing = threading.Lock()
        #: Somebody asked while a round was under way.
        self._asked_again = threading.Event()

    def ask(self) -> None:
        """Begin one, unless one is under way; never waits."""
        self._asked_again.set()
        if self._observing.acquire(blocking=False):
            threading.Thread(target=self._observe, daemon=True, name="observer").start()

    def _observe(self) -> None:
        try:
            while self._asked_again.is_set():
                self._asked_again.clear()
                self._make_a_round()
        finally:
            self._observing.release()
        if self._asked_again.is_set():
            # Between the last look and the release.
            self.ask()

    def _make_a_round(self) -> None:
        spec = write_spec(self._spec).encode()
        try:
            processes.run(OBSERVER, timeout=ROUND_LIMIT, stdin=spec)
        except HostFailure as failure:
            LOG.warning(
                "A round of observations failed. %s %s",
                failure.message,
                failure.tail,
                extra={"event": "round_failed"},
            )
