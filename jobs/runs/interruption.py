"""Ends what the main thread is doing: on request by SIGTERM, or because its time is up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import NoReturn

from handlers.errors import Cancelled, HostFailure, OpsError, Reason
from handlers.host.processes import in_words

_SIGNALS = (signal.SIGTERM, signal.SIGALRM)


def hold_back() -> None:
    """Keep a request to end waiting until `interruptible`, so that it finds us able to answer."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


@contextmanager
def interruptible(limit: timedelta) -> Iterator[None]:
    """Inside, SIGTERM raises Cancelled and the time limit HostFailure, each at most once.

    Only the main thread gets them. Outside, requests wait: a result that is being written is not
    interrupted, and a child never starts with them blocked.
    """

    def once() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def cancelled(_number: int, _frame: FrameType | None) -> NoReturn:
        once()
        raise Cancelled

    def too_long(_number: int, _frame: FrameType | None) -> NoReturn:
        once()
        raise HostFailure(
            f"The run did not end within {in_words(limit)} and was stopped.",
            reason=Reason.TIME_LIMIT,
        )

    signal.signal(signal.SIGTERM, cancelled)
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        yield
    finally:
        once()
        signal.setitimer(signal.ITIMER_REAL, 0)


def what_ended_it(failure: OpsError, *, is_cancelled: bool, memory_ran_out: bool) -> OpsError:
    """What a run is told to have ended by, which its first failure often only follows from.

    When the whole tree of a run is told to end, a tool may be seen to die before we are told. What
    the operation said of the state that was left, and what to do about it, is kept.
    """
    ended = _what_ended_it(failure, is_cancelled=is_cancelled, memory_ran_out=memory_ran_out)
    if ended is not failure:
        ended.state = failure.state
        ended.hint = failure.hint or ended.hint
    return ended


def _what_ended_it(failure: OpsError, *, is_cancelled: bool, memory_ran_out: bool) -> OpsError:
    if is_cancelled:
        return Cancelled()
    if memory_ran_out:
        return HostFailure(
            "Memory ran out, and the kernel killed a process of the run.",
            reason=Reason.OUT_OF_MEMORY,
            hint="Look what takes it with `status`, and try again when there is more.",
            tail=failure.tail if isinstance(failure, HostFailure) else "",
        )
    if failure.reason is Reason.CANCELLED:
        return HostFailure(
            "It was told to end (SIGTERM), and not by zulip-ops: the machine is being shut down, or"
            " somebody used `systemctl` or `kill`.",
            reason=Reason.TERMINATED,
        )
    return failure
