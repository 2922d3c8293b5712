"""Asks every store the same question at once, so that one which hangs does not hide the others."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from handlers.checks.contract import Context
from handlers.errors import HostFailure
from handlers.host.settings import StoreSettings

Answer = TypeVar("Answer")

#: Nobody can tell which from the outside.
_MISSING = "its disk is not mounted, or no backup was taken yet"


@dataclass(slots=True)
class Asked(Generic[Answer]):
    """One store and what became of the question; filled in by its own thread."""

    store: StoreSettings
    #: Why the store could not be read; taken away last, by an answer.
    failure: str | None
    answer: Answer | None = None


def ask_all(context: Context, question: Callable[[StoreSettings], Answer]) -> list[Asked[Answer]]:
    """In the order of the configuration; who does not answer in time has failed."""
    seconds = context.patience.total_seconds()
    asked = [Asked[Answer](store, f"no answer within {seconds:g} s.") for store in context.stores]
    threads = [threading.Thread(target=_ask, args=(each, question), daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return asked


def _ask(asked: Asked[Answer], question: Callable[[StoreSettings], Answer]) -> None:
    path = asked.store.path
    if path is not None and not path.exists():
        asked.failure = f"its directory {path} is missing; {_MISSING}."
        return
    try:
        answer = question(asked.store)
    except HostFailure as failure:
        asked.failure = failure.message
    except OSError as error:
        asked.failure = f"{error}."
    else:
        asked.answer = answer
        asked.failure = None
