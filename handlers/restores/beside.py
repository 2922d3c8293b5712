"""Restores a copy beside what Zulip uses, and checks it there; nothing of Zulip's is touched."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from handlers.backups.repository import DATABASE as DUMP
from handlers.backups.repository import INDEX
from handlers.backups.restoring.checking import (
    attachments_sentence,
    check_database,
    missing_attachments,
)
from handlers.backups.restoring.feeding import restore_dump
from handlers.backups.restoring.unpacking import index_of, unpack
from handlers.contract import Context
from handlers.errors import HostFailure, Reason
from handlers.host import databases, postgres
from handlers.restores.judging.chosen import Chosen
from handlers.restores.judging.estimating import keep_rates
from handlers.restores.judging.mismatches import Made
from handlers.restores.switching.arrangement import DATABASE, UPLOADS, Names
from handlers.wording import size

CHECK_LIMIT = timedelta(minutes=30)
#: Without it PostgreSQL would plan its first queries blindly.
ANALYZE_LIMIT = timedelta(hours=3)


@dataclass(slots=True)
class Beside:
    """What lies beside by now."""

    #: What people want to know of it, in sentences.
    notes: list[str] = field(default_factory=list)
    #: Plain bytes a second, of each part.
    rates: dict[str, float] = field(default_factory=dict)


def restore(context: Context, chosen: Chosen, parts: tuple[str, ...], programs: Path) -> Beside:
    """Fill and check what is asked for; HostFailure leaves it for `remove`."""
    found, names = Beside(), Names.of(context)
    if DATABASE in parts:
        with _timed(found, DATABASE, chosen.snapshot.streams[DUMP].plain_bytes):
            _restore_database(context, chosen, names, programs)
        _check(context, chosen, names, found)
    if UPLOADS in parts:
        with _timed(found, UPLOADS, chosen.snapshot.uploads.bytes):
            _restore_uploads(context, chosen, names)
    keep_rates(context, found.rates)
    return found


def remove(context: Context, names: Names) -> str | None:
    """Take away what was restored beside; a sentence where something of it is left."""
    try:
        if names.new_uploads.exists():
            shutil.rmtree(names.new_uploads)
        databases.drop(context.host.database, names.new_database)
    except (HostFailure, OSError) as failure:
        return (
            f"What was restored beside could not be removed ({failure}): the database"
            f" `{names.new_database}` or the directory {names.new_uploads}."
        )
    return None


def _restore_database(context: Context, chosen: Chosen, names: Names, programs: Path) -> None:
    settings, snapshot = context.host.database, chosen.snapshot
    into = databases.beside(settings, names.new_database)
    with context.journal.step(f"Restore the database beside, as {names.new_database}"):
        databases.create_beside(settings, into.name, Made.of(snapshot).extensions)
        total = snapshot.streams[DUMP].stored_bytes
        source = chosen.source(_telling(context, "Read from the store", total))
        restore_dump(source.plain(DUMP), into, programs)
        with postgres.administer(settings, database=into.name, timeout=ANALYZE_LIMIT) as connection:
            postgres.execute(connection, "ANALYZE")


def _check(context: Context, chosen: Chosen, names: Names, found: Beside) -> None:
    into = databases.beside(context.host.database, names.new_database)
    with (
        context.journal.step("Check it against the commit record"),
        postgres.connect(into, timeout=CHECK_LIMIT) as connection,
    ):
        checked = check_database(connection, chosen.snapshot)
        if checked.differences:
            raise HostFailure(
                f"The restored database is not what was copied. {' '.join(checked.differences)}",
                reason=Reason.VERIFICATION_FAILED,
                hint="Nothing that Zulip uses was touched. Restore another copy: `backups`.",
            )
        context.journal.fact("checked", dict(checked.same))
        if INDEX not in chosen.snapshot.streams:
            return  # a copy of the database alone
        missing = missing_attachments(connection, index_of(chosen.source(lambda _: None)))
        context.journal.fact("missing_attachments", len(missing))
        if (sentence := attachments_sentence(missing)) is not None:
            found.notes.append(sentence)


def _restore_uploads(context: Context, chosen: Chosen, names: Names) -> None:
    like = names.uploads if names.uploads.is_dir() else names.uploads.parent
    total = chosen.snapshot.uploads.bytes
    with context.journal.step(f"Restore the uploads beside, into {names.new_uploads.name}"):

        def tick(done: int) -> None:
            context.journal.progress(
                f"Uploads: {size(done)} of {size(total)}.", done=done, total=total
            )

        unpacked = unpack(chosen.source(lambda _: None), names.new_uploads, like, tick)
        promised = chosen.snapshot.uploads
        if (unpacked.files, unpacked.bytes) != (promised.files, promised.bytes):
            raise HostFailure(
                f"{unpacked.files:,} uploads were restored; the commit record says"
                f" {promised.files:,}.",
                reason=Reason.VERIFICATION_FAILED,
            )


def _telling(context: Context, what: str, total: int) -> Callable[[int], None]:
    done = 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        context.journal.progress(f"{what}: {size(done)} of {size(total)}.", done=done, total=total)

    return report


@contextmanager
def _timed(found: Beside, part: str, plain_bytes: int) -> Iterator[None]:
    started = time.monotonic()
    yield
    found.rates[part] = round(plain_bytes / max(0.001, time.monotonic() - started), 1)
