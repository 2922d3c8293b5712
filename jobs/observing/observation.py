"""Makes several observations at once, each in a process of its own and within its time limit."""

import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import NoReturn

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.contract import JSON
from handlers.errors import OpsError
from handlers.host import redaction

_READ_BYTES = 64 * 1024
_GRACE_SECONDS = 1.0


@dataclass(slots=True)
class _Child:
    """One check that is being made; its finding comes through the pipe."""

    check: Check
    process_id: int
    pipe: int
    #: On the monotonic clock.
    started: float
    said: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of one check."""

    name: str
    finding: Finding
    seconds: float


def observe_all(checks: Iterable[Check], context: Context) -> Iterator[Observed]:
    """Each check's finding as soon as it is there; what takes too long is ended and unknown.

    A process each, because a thread that hangs in a dead network mount can never be ended, and
    because a check that breaks down takes nothing with it. Forks: only for a process without
    other threads.
    """
    limit = context.time_limit.total_seconds()
    with selectors.DefaultSelector() as selector:
        for check in checks:
            child = _start(check, context)
            selector.register(child.pipe, selectors.EVENT_READ, child)
        while running := [key.data for key in selector.get_map().values()]:
            deadline = min(child.started for child in running) + limit
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                if not _read(key.data):
                    selector.unregister(key.fd)
                    yield _ended(key.data)
            for child in _overdue(selector, limit):
                selector.unregister(child.pipe)
                yield _cut_off(child, limit)


def _start(check: Check, context: Context) -> _Child:
    reading, writing = os.pipe()
    process_id = os.fork()
    if process_id == 0:
        os.close(reading)
        _observe(check, context, writing)
    os.close(writing)
    return _Child(check, process_id, reading, time.monotonic())


def _observe(check: Check, context: Context, pipe: int) -> NoReturn:
    """The child's whole life."""
    status = 1
    try:
        # Ends it even when nobody is left to cut it off.
        signal.setitimer(signal.ITIMER_REAL, context.time_limit.total_seconds() + _GRACE_SECONDS)
        record = asdict(_find(check, context))
        redactor = redaction.of_host(context.host, context.stores)
        with os.fdopen(pipe, "w", encoding="utf-8") as stream:
            json.dump(_redacted(record, redactor), stream)
        status = 0
    finally:
        # Whatever was raised must not climb into the parent's code, of which this is a copy.
        if status != 0:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def _find(check: Check, context: Context) -> Finding:
    try:
        return check.observe(context)
    except OpsError as error:
        return Finding(Level.UNKNOWN, error.message, hint=error.hint)
    except OSError as error:
        return Finding(Level.UNKNOWN, f"{check.summary}: this could not be seen: {error}.")


def _redacted(value: JSON, redactor: redaction.Redactor) -> JSON:
    if isinstance(value, str):
        return redactor.redact(value)
    if isinstance(value, dict):
        return {key: _redacted(each, redactor) for key, each in value.items()}
    if isinstance(value, list):
        return [_redacted(each, redactor) for each in value]
    return value


def _read(child: _Child) -> bool:
    """Take in what the child has to say; False when that was all."""
    chunk = os.read(child.pipe, _READ_BYTES)
    child.said += chunk
    return bool(chunk)


def _ended(child: _Child) -> Observed:
    os.close(child.pipe)
    os.waitpid(child.process_id, 0)
    try:
        record = json.loads(child.said)
    except ValueError:
        sentence = f"The check {child.check.name} broke down; its traceback is in the log."
        return _observed(child, Finding(Level.UNKNOWN, sentence))
    return _observed(child, Finding(**record | {"level": Level(record["level"])}))


def _overdue(selector: selectors.BaseSelector, limit: float) -> list[_Child]:
    now = time.monotonic()
    children: list[_Child] = [key.data for key in selector.get_map().values()]
    return [child for child in children if now - child.started >= limit]


def _cut_off(child: _Child, limit: float) -> Observed:
    os.close(child.pipe)
    os.kill(child.process_id, signal.SIGKILL)
    # Not waited for: in a dead mount even a killed process stays, until init inherits it.
    sentence = f"The check {child.check.name} was cut off, as it took longer than {limit:g} s."
    hint = "Something that it asks hangs: a disk, a network mount or a service."
    return _observed(child, Finding(Level.UNKNOWN, sentence, hint=hint))


def _observed(child: _Child, finding: Finding) -> Observed:
    return Observed(child.check.name, finding, round(time.monotonic() - child.started, 3))
