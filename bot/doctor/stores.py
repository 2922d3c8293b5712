"""Tries each store, and says what is known of what it can do."""

import secrets
from collections.abc import Iterator
from datetime import datetime

from bot.doctor.contract import Diagnosis, failed, ok, told, warning
from bot.replies.probes import cannot, remarks
from bot.settings import Settings
from handlers.backups.probing.abilities import GOOD_FOR, Probe, newest_probe
from handlers.contract import Clock
from handlers.errors import HostFailure
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.wording import duration, size
from jobs.clock import SystemClock

_PROBE_BYTES = 64 * 1024


def examine_stores(settings: Settings, clock: Clock | None = None) -> Iterator[Diagnosis]:
    """Each store: an object is written, read back and deleted, and the last probe is told."""
    if not settings.configuration.stores:
        yield warning("stores", "No store is configured.", "Add one as [[stores]].")
    now = (clock or SystemClock()).now()
    for store in settings.configuration.stores:
        yield _store(store, now)


def _store(settings: StoreSettings, now: datetime) -> Diagnosis:
    subject = f"store {settings.name}"
    key, data = f"probe/{secrets.token_hex(8)}", secrets.token_bytes(_PROBE_BYTES)
    try:
        store = open_store(settings)
        # Cheap, and quick to give up where nobody answers.
        store.check()
        try:
            store.put(key, data)
            same = store.get(key) == data
        finally:
            store.delete(key)
        probe = newest_probe(store)
    except HostFailure as error:
        return told(subject, error, "Look at its [[stores]] table, and at the store itself.")
    if not same:
        return failed(subject, "What was read back is not what was written.", "Do not use it.")
    written = f"{size(_PROBE_BYTES)} were written, read back and deleted."
    return _probed(settings.name, written, probe, now)


def _probed(name: str, written: str, probe: Probe | None, now: datetime) -> Diagnosis:
    subject, again = f"store {name}", f"Run `backup probe {name}`."
    if probe is None:
        never = f"{written} What else it can do was never tried, so nothing relies on it."
        return warning(subject, never, again)
    age = duration(max(0.0, (now - probe.at).total_seconds()))
    serious = [f"{sentence}." for sentence in cannot(probe)]
    others = [f"{sentence}." for sentence in remarks(probe)]
    sentence = " ".join((written, f"Probed {age} ago.", *serious, *(() if serious else others)))
    if now - probe.at > GOOD_FOR:
        return warning(subject, f"{sentence} What is behind it may have changed since.", again)
    if serious:
        return warning(subject, sentence, f"`backup probe {name}` tells all of it.")
    return ok(subject, sentence)
