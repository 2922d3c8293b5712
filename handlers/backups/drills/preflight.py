"""What must hold before a copy is brought to life: programs, room, and a place away from all."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.backups.drills import dumps, minors
from handlers.backups.drills.minors import Version
from handlers.backups.drills.place import scratch
from handlers.backups.repository import DATABASE, Snapshot
from handlers.contract import Precondition
from handlers.errors import HostFailure, Reason
from handlers.host import postgres, processes
from handlers.host.settings import HostSettings
from handlers.wording import size

PROGRAMS = ("initdb", "postgres", "psql", "pg_restore", "pg_dump")
#: So much more than is needed has to be free: nobody else shall find the disk full.
MARGIN = 1.2
#: An empty cluster, and what it keeps of its log at least.
EMPTY_CLUSTER_BYTES = 80_000_000
#: The log of the restore, up to `max_wal_size` of the cluster.
LARGEST_LOG_BYTES = 512 * 1024 * 1024
_LIMIT = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Ready:
    """What was found, and how the drill goes about it."""

    programs: Path
    version: Version
    #: Whether the dump is written to a file, from which it is restored in parallel.
    as_file: bool
    needed_bytes: int
    preconditions: tuple[Precondition, ...]
    warnings: tuple[str, ...]


def look(host: HostSettings, snapshot: Snapshot) -> Ready:
    """Raises HostFailure where the programs are missing or are not those of the copy."""
    scratch.account(host.drills)
    if snapshot.streams[DATABASE].format != dumps.FORMAT:
        raise HostFailure(
            f"The database of copy {snapshot.id} is in the format"
            f" {snapshot.streams[DATABASE].format!r}, which this program cannot drill yet.",
            reason=Reason.PREFLIGHT_FAILED,
        )
    programs = programs_for(host, _major(snapshot))
    version = version_of(programs, _major(snapshot))
    verdict = minors.judge(version, is_ours=True)
    directory = host.drills.directory
    sizes = _needed(snapshot, as_file=True), _needed(snapshot, as_file=False)
    free = _free(directory)
    as_file = free >= sizes[0] * MARGIN
    needed = round((sizes[0] if as_file else sizes[1]) * MARGIN)
    return Ready(
        programs=programs,
        version=version,
        as_file=as_file,
        needed_bytes=needed,
        preconditions=(_place(directory), _room(directory, free, needed)),
        warnings=() if verdict.sentence is None else (verdict.sentence,),
    )


def _major(snapshot: Snapshot) -> int:
    found = snapshot.facts.get("postgresql")
    major = found.get("major") if isinstance(found, dict) else None
    if not isinstance(major, int):
        raise HostFailure(
            f"The commit record of {snapshot.id} does not say of which PostgreSQL it is.",
            reason=Reason.VERIFICATION_FAILED,
        )
    return major


def programs_for(host: HostSettings, major: int) -> Path:
    """Where the programs lie that a drill needs; HostFailure where one is missing."""
    chosen = host.drills.programs or host.database.programs
    directory = chosen or postgres.DEBIAN / str(major) / "bin"
    for program in PROGRAMS:
        if not (directory / program).exists():
            raise HostFailure(
                f"The program {directory / program} is missing, and the copy is of PostgreSQL"
                f" {major}.",
                reason=Reason.PREFLIGHT_FAILED,
                hint=f"Install the package postgresql-{major}, or name the directory as"
                " `host.drills.programs`.",
            )
    return directory


def version_of(programs: Path, major: int) -> Version:
    """Of these programs; HostFailure unless they are of the copy's own major version.

    Newer ones would take it too, but that would prove another restore than the real one.
    """
    said = processes.run((str(programs / "postgres"), "--version"), timeout=_LIMIT).output
    try:
        version = Version.parse(said)
    except ValueError as error:
        raise HostFailure(f"{programs} does not hold PostgreSQL: {error}.") from error
    if version.major != major:
        raise HostFailure(
            f"The copy is of PostgreSQL {major}, and the programs in {programs} are of {version}.",
            reason=Reason.PREFLIGHT_FAILED,
            hint=f"Install the package postgresql-{major}, or name its directory as"
            " `host.drills.programs`.",
        )
    return version


def _needed(snapshot: Snapshot, *, as_file: bool) -> int:
    facts = snapshot.facts.get("postgresql")
    known = facts.get("size_bytes") if isinstance(facts, dict) else None
    dump = snapshot.streams[DATABASE].plain_bytes
    # The size is that of the copied database, with what it had bloated to; never less than a dump.
    database = max(dump, known if isinstance(known, int) else 0)
    log = min(database, LARGEST_LOG_BYTES)
    return EMPTY_CLUSTER_BYTES + database + log + (dump if as_file else 0)


def _free(directory: Path) -> int:
    try:
        return scratch.free_bytes(directory)
    except OSError as error:
        raise HostFailure(f"{directory} cannot be looked at: {error.strerror}.") from error


def _place(directory: Path) -> Precondition:
    why = scratch.unfit(directory)
    said = f"{directory} is away from every live PostgreSQL." if why is None else why
    return Precondition("place", said, why is None)


def _room(directory: Path, free: int, needed: int) -> Precondition:
    return Precondition(
        "room",
        f"{directory} has {size(free)} free, and the drill needs {size(needed)}.",
        free >= needed,
    )
