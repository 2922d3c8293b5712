"""The private place of one drill: made, locked, and removed with every process that lives in it.

    <directory>/lock        held for as long as a drill is under way
    <directory>/1a2b3c4d/   one drill; its account may pass through and read, but write nothing
        cluster/            belongs to the account: data, and the socket
        dump                what pg_restore reads, where there is room for it

What is below it when a drill begins was left by one that died, since the lock is free: it is
reported and removed.
"""

import errno
import fcntl
import os
import pwd
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.backups.drills.place import survivors
from handlers.errors import HostFailure, OpsError, Reason
from handlers.host import directories, processes
from handlers.host.settings import DrillSettings

LOCK = "lock"
_LIMIT = timedelta(seconds=20)
_OWN = re.compile(r"[0-9a-f]{8}")
#: What can be in the place of one drill.
_CLUSTER, _DUMP, _INDEX = "cluster", "dump", "index"
_PARTS = frozenset({_CLUSTER, _DUMP, _INDEX})
#: Of a path to a socket, its final zero included: sun_path of unix(7) has 108.
SOCKET_PATH_BYTES = 107
#: As PostgreSQL calls the socket of port 5432.
SOCKET_NAME = ".s.PGSQL.5432"
#: Every data directory of PostgreSQL holds it, and every tablespace one of the second kind.
_DATA = "PG_VERSION"
_TABLESPACE = re.compile(r"PG_[0-9.]+_[0-9]+")


@dataclass(frozen=True, slots=True)
class Scratch:
    """The directory of one drill, and whose its processes are."""

    path: Path
    #: None: ours, since we are not root.
    account: str | None
    #: What a drill before had left: sentences.
    found: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        return self.path / _CLUSTER / "data"

    @property
    def socket(self) -> Path:
        return self.path / _CLUSTER / "s"

    @property
    def dump(self) -> Path:
        return self.path / _DUMP

    @property
    def index(self) -> Path:
        """A directory for the index of the uploads, once somebody makes it."""
        return self.path / _INDEX

    def give_to_read(self, path: Path) -> None:
        """Let the account read a file of ours, and not change it."""
        if self.account is not None:
            os.chown(path, 0, pwd.getpwnam(self.account).pw_gid)
            path.chmod(0o640)


def account(settings: DrillSettings) -> str | None:
    """Whom PostgreSQL runs as; HostFailure where there is nobody but root."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(settings.system_user)
    except KeyError:
        raise _nobody(settings, "does not exist on this host") from None
    if found.pw_uid == 0:
        raise _nobody(settings, "is root, and what a dump holds is code")
    return settings.system_user


def unfit(directory: Path) -> str | None:
    """Why no drill may take place there, as one sentence; None: it may.

    Nothing of a live PostgreSQL may be near, nor anything that a drill did not make.
    """
    if len(os.fsencode(directory / "1a2b3c4d" / "cluster" / "s" / SOCKET_NAME)) > SOCKET_PATH_BYTES:
        return f"The path {directory} is too long for a socket of PostgreSQL below it."
    resolved = directory.resolve()
    for above in (resolved, *resolved.parents):
        if above.is_dir() and _is_live(above):
            return f"{directory} lies below {above}, where a PostgreSQL keeps its data."
    if directory.is_dir():
        others = sorted(entry.name for entry in os.scandir(directory) if not _is_ours(entry))
        if others:
            return f"{directory} holds `{others[0]}`, which no drill has made."
    elif directory.exists():
        return f"{directory} is not a directory."
    return None


def free_bytes(directory: Path) -> int:
    """What fits there, or where it will be made; OSError where nobody can say."""
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    figures = os.statvfs(nearest)
    return figures.f_bavail * figures.f_frsize


@contextmanager
def scratch(settings: DrillSettings) -> Iterator[Scratch]:
    """A fresh place for one drill; whatever happens, nothing of it is left.

    HostFailure while another drill is under way, and where the place is not fit.
    """
    owner, directory = account(settings), settings.directory
    why = unfit(directory)
    if why is not None:
        raise HostFailure(why, reason=Reason.PREFLIGHT_FAILED, hint=_CHOOSE)
    try:
        directories.make(directory, 0o711)
        # Whatever the umask: the account passes through it, and reads nothing.
        directory.chmod(0o711)
        with _locked(directory / LOCK):
            found = tuple(_remove_leftovers(directory))
            place = Scratch(directory / secrets.token_hex(4), owner, found)
            try:
                _make(place)
                yield place
            except BaseException as failure:
                _remove_after(place.path, failure)
                raise
            remove(place.path)
    except OSError as error:
        raise _unusable(directory, error) from error


def _remove_after(place: Path, failure: BaseException) -> None:
    """What went wrong before is what is told; that something is left is told with it."""
    try:
        remove(place)
    except HostFailure as second:
        if isinstance(failure, OpsError):
            failure.state = f"Zulip kept running. {second.message}"


def remove(place: Path) -> None:
    """End whatever runs in it, and delete it."""
    survivors.end(place)
    # It does not follow links, nor is it led astray by one that appears meanwhile.
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        raise HostFailure(
            f"{place} could not be removed.", hint="Look what is in it, and remove it by hand."
        )


def _make(place: Scratch) -> None:
    place.path.mkdir(mode=0o700)
    cluster = place.data.parent
    cluster.mkdir(mode=0o700)
    place.socket.mkdir(mode=0o700)
    if place.account is not None:
        found = pwd.getpwnam(place.account)
        for path in (cluster, place.socket):
            os.chown(path, found.pw_uid, found.pw_gid)
        os.chown(place.path, 0, found.pw_gid)
        place.path.chmod(0o710)
        _check_reachable(place, cluster)


def _check_reachable(place: Scratch, cluster: Path) -> None:
    """Whoever may not pass through a directory above it would only be told so by PostgreSQL."""
    argv = ("test", "-w", str(cluster))
    if processes.run(argv, timeout=_LIMIT, check=False, user=place.account).exit_code != 0:
        raise HostFailure(
            f"The account `{place.account}` cannot pass through to {cluster}.",
            reason=Reason.NOT_CONFIGURED,
            hint=_CHOOSE,
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HostFailure(
                "Another restore drill is under way on this host.",
                reason=Reason.BUSY,
                hint="Wait until it has ended, or cancel it.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(directory: Path) -> Iterator[str]:
    for entry in sorted(os.scandir(directory), key=lambda each: each.name):
        if _OWN.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            left = Path(entry.path)
            ended = survivors.end(left)
            remove(left)
            running = f", with {ended} of its processes still running" if ended else ""
            yield f"A drill that died had left {left}{running}; it is removed."


def _is_ours(entry: "os.DirEntry[str]") -> bool:
    if entry.name == LOCK:
        return entry.is_file(follow_symlinks=False)
    if not _OWN.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
        return False
    # It will be deleted: a name alone is not enough.
    return {path.name for path in Path(entry.path).iterdir()} <= _PARTS


def _is_live(directory: Path) -> bool:
    try:
        names = {path.name for path in directory.iterdir()}
    except OSError:
        return False
    return _DATA in names or any(map(_TABLESPACE.fullmatch, names))


_CHOOSE = "Name another directory, on a disk with room, as `host.drills.directory`."


def _nobody(settings: DrillSettings, why: str) -> HostFailure:
    return HostFailure(
        f"The account `{settings.system_user}`, as which drills are to run, {why}.",
        reason=Reason.NOT_CONFIGURED,
        hint="Name an account without privileges as `host.drills.system_user`.",
    )


def _unusable(directory: Path, error: OSError) -> HostFailure:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return no_room(directory)
    where = error.filename or directory
    return HostFailure(f"{where} could not be used for the drill: {error.strerror}.")


def no_room(directory: Path) -> HostFailure:
    """It became full in the middle; that says nothing of the copy."""
    return HostFailure(
        f"The disk below {directory} became full during the drill.",
        reason=Reason.DISK_FULL,
        hint="Make room there, or name another directory as `host.drills.directory`.",
    )
