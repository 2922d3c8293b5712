"""Several parts of one run at the same time, ended together."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

POLL_SECONDS = 0.2


def together(
    parts: Mapping[str, Callable[[], None]], *, tick: Callable[[], None], stop: Callable[[], None]
) -> None:
    """Run each part in a thread of its own until all have ended; `tick` is called while waiting.

    The first failure, also one raised in this thread by a cancelled run, calls `stop`, which must
    make the other parts end, waits for them, and is raised.
    """
    with ThreadPoolExecutor(len(parts)) as threads:
        try:
            pending = {threads.submit(part) for part in parts.values()}
            while pending:
                ended, pending = wait(pending, POLL_SECONDS, return_when=FIRST_EXCEPTION)
                tick()
                for each in ended:
                    each.result()
        except BaseException:
            stop()
            raise
