"""Lets a process leave the one that started it, so that it outlives it."""

import os
from pathlib import Path

#: Of the process that stays behind: whether the one that left got as far as it should.
EXIT_READY = 0
EXIT_FAILED = 70


class Detached:
    """We are the process that left; `ready` lets the one that started us go on."""

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting

    def ready(self) -> None:
        os.write(self._waiting, b"1")
        os.close(self._waiting)


def detach(errors: Path) -> Detached:
    """Fork twice into a session of our own, with no terminal, input or pipe left.

    Returns in the process that left. The one that was started waits until it is ready, and ends.
    Only for a process with a single thread.
    """
    waiting, telling = os.pipe()
    if os.fork():
        os.close(telling)
        told = os.read(waiting, 1)
        os._exit(EXIT_READY if told else EXIT_FAILED)
    os.close(waiting)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    for ours, standard in ((nothing, 0), (nothing, 1), (said, 2)):
        os.dup2(ours, standard)
    os.close(nothing)
    os.close(said)
    return Detached(telling)
