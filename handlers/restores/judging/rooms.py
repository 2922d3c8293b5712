"""Whether there is room for both: what is there stays until a person removes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from handlers.backups.repository import DATABASE as DUMP
from handlers.backups.repository import Snapshot
from handlers.contract import Context, Precondition
from handlers.errors import HostFailure
from handlers.restores.judging.present import data_directory, free_bytes
from handlers.restores.switching.arrangement import DATABASE, UPLOADS, Names
from handlers.wording import size

#: Logs, WAL that is written while the database fills, and what Zulip writes meanwhile.
RESERVE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """So many bytes at a place."""

    place: Path
    bytes: int


def database_bytes(snapshot: Snapshot, noted: int) -> int:
    """What the restored database fills: as much as the one that was copied, never less than its
    dump."""
    return max(noted, snapshot.streams[DUMP].plain_bytes)


def has_room(
    context: Context, snapshot: Snapshot, parts: tuple[str, ...], noted_bytes: int
) -> Precondition:
    """On each file system, for all that comes to lie there beside what is there."""
    name = "has_room_for_both"
    try:
        needs = tuple(_needs(context, snapshot, parts, noted_bytes))
    except HostFailure as failure:
        return Precondition(name, failure.message, holds=False)
    short, told = list[str](), list[str]()
    for places, needed, free in _by_file_system(needs):
        sentence = f"{' and '.join(places)}: {size(needed)} needed, {size(free)} free."
        (told if free >= needed else short).append(sentence)
    if short:
        return Precondition(
            name,
            f"There is no room to restore beside what is there. {' '.join(short)} Make room, or"
            " restore one part only with `--only`.",
            holds=False,
        )
    return Precondition(name, f"Room beside what is there: {' '.join(told)}", holds=True)


def _needs(
    context: Context, snapshot: Snapshot, parts: tuple[str, ...], noted_bytes: int
) -> Iterable[Need]:
    names = Names.of(context)
    if DATABASE in parts:
        data = data_directory(context)
        if data is not None:  # what another host has free nobody here can say
            yield Need(data, database_bytes(snapshot, noted_bytes) + RESERVE_BYTES)
    if UPLOADS in parts:
        yield Need(names.uploads.parent, snapshot.uploads.bytes)


def _by_file_system(needs: tuple[Need, ...]) -> Iterable[tuple[list[str], int, int]]:
    """Two needs on one file system add up."""
    found: dict[int, tuple[list[str], int, int]] = {}
    for need in needs:
        device, free = free_bytes(need.place)
        places, needed, _ = found.get(device, ([], 0, 0))
        found[device] = ([*places, str(need.place)], needed + need.bytes, free)
    return found.values()
