"""Opens the database file, and hands out its transactions: many readers, one writer."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from state import connections, migrations

#: Every function of state/ takes one first; a commit has reached the disk when `write` ends.
Transaction = Connection

SENTENCES = {
    sqlite3.SQLITE_PERM: "may not be used by this user: give it to the user that runs zulip-ops.",
    sqlite3.SQLITE_READONLY: "may not be written: give it and its folder to the user that runs"
    " zulip-ops, on a file system that is not read-only.",
    sqlite3.SQLITE_IOERR: "cannot be read or written because the disk fails: look at the kernel's"
    " log; zulip-ops tries again by itself.",
    sqlite3.SQLITE_CORRUPT: "is damaged: stop zulip-ops, keep the file, and put a copy in its"
    " place.",
    sqlite3.SQLITE_FULL: "cannot be written because the disk is full: free space on its file"
    " system.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: make sure that its folder exists and that the user"
    " who runs zulip-ops may write there.",
    sqlite3.SQLITE_NOTADB: "is not a database: move the file away, or put a copy of the real one"
    " in its place.",
}
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
#: Less room than this, and a failure of the disk is a full disk: SQLite does not always say so.
ALMOST_FULL_BYTES = 64 * 1024


class DatabaseUnusable(Exception):
    """One sentence that names the file and says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class DatabaseBusy(DatabaseUnusable):
    """Another process held the write lock for five seconds; nothing was written, try again."""


class DiskRefuses(DatabaseUnusable):
    """The disk is full or fails; the same may succeed when that is over."""


class DiskFull(DiskRefuses):
    """SQLite says itself that there is no room, and has taken back what it had written."""


class Database:
    """One open file; safe to share between threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._writing_thread: int | None = None
        #: The disk failed: what is remembered of the file, here or by the system, may be wrong.
        self._suspect = False
        self._reader = connections.engine(path, mode="ro" if read_only else "rw", begin="BEGIN")
        self._writer = (
            None if read_only else connections.engine(path, mode="rw", begin="BEGIN IMMEDIATE")
        )

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """The one writer: commits at the end, rolls back when the body raises.

        Raises DatabaseBusy when another process keeps the lock, and DiskRefuses when the disk is
        full or fails. Nothing of the transaction is to be relied on then: after a failure to sync
        it may still turn up at the next start, so whatever is written has to bear being repeated.
        """
        if self._writer is None:
            raise RuntimeError(f"{self.path} was opened read only")
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("a write transaction inside a write transaction")
        with self._writing:
            self._writing_thread = threading.get_ident()
            try:
                self._make_good(self._writer)
                with self._trusting(self._writer), self._writer.begin() as transaction:
                    yield transaction
            finally:
                self._writing_thread = None

    @contextmanager
    def part(self, transaction: Transaction) -> Iterator[None]:
        """A part of a write transaction that is undone by itself when its body raises.

        Raises DatabaseUnusable, after which the whole transaction is lost.
        """
        with _in_words(self.path), transaction.begin_nested():
            yield

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent view, in which nothing can be written; end it soon, it holds back the WAL.

        Raises DatabaseUnusable.
        """
        # Ended by a rollback, which even a damaged file cannot refuse.
        with self._trusting(self._reader), self._reader.connect() as transaction:
            yield transaction

    @contextmanager
    def _trusting(self, engine: Engine) -> Iterator[None]:
        try:
            with _in_words(self.path):
                yield
        except DatabaseBusy:
            raise
        except DatabaseUnusable as error:
            if engine is self._writer and not isinstance(error, DiskFull):
                self._suspect = True
            else:
                # SQLite itself knows what to do; only the connection starts afresh.
                engine.dispose()
            raise

    def _make_good(self, writer: Engine) -> None:
        """After a failure of the disk: move what was committed into the file, open it anew and read
        it through; raises DatabaseUnusable as long as that does not succeed.

        In this order: the open connections know which part of the write-ahead log was synced. To
        whoever opens it anew the rest looks committed too, although the disk may not have it.
        """
        if _log_takes_the_room(self.path):
            self.empty_log()
        if not self._suspect:
            return
        with _in_words(self.path):
            if not connections.checkpoint(writer):
                raise DatabaseBusy(f"The database {self.path} is being read: try again later.")
            for engine in (self._reader, writer):
                engine.dispose()
            found = connections.quick_check(writer)
        if found is not None:
            raise DatabaseUnusable(
                f"The database {self.path} {SENTENCES[sqlite3.SQLITE_CORRUPT]} ({found})"
            )
        self._suspect = False

    def empty_log(self) -> None:
        """Give the room of the write-ahead log back, if that can be done just now."""
        assert self._writer is not None
        with suppress(sqlite3.Error, DBAPIError):
            connections.checkpoint(self._writer)

    def check_writable(self) -> None:
        """Raise DatabaseUnusable unless it can be written; nothing is kept.

        To begin proves nothing: SQLite lets a write transaction begin on a read-only file.
        """
        if self._writer is None:
            raise RuntimeError(f"{self.path} was opened read only")
        with self._writing:
            self._make_good(self._writer)
            with self._trusting(self._writer), self._writer.connect() as transaction:
                transaction.exec_driver_sql("CREATE TABLE written (word TEXT) STRICT")
                transaction.rollback()

    def close(self) -> None:
        for engine in (self._reader, self._writer):
            if engine is not None:
                engine.dispose()

    def integrity_problem(self) -> str | None:
        """What SQLite finds wrong when it reads the whole file; None when all is well."""
        try:
            with self.read() as transaction:
                found = transaction.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
                if found != "ok":
                    return str(found)
                orphan = transaction.exec_driver_sql("PRAGMA foreign_key_check").first()
                return None if orphan is None else f"a row of {orphan[0]} refers to nothing"
        except DatabaseUnusable as error:
            return error.message


KINDS: dict[int, type[DatabaseUnusable]] = {
    sqlite3.SQLITE_IOERR: DiskRefuses,
    sqlite3.SQLITE_FULL: DiskFull,
}


def open_database(path: Path) -> Database:
    """Create the file when it is not there (mode 0600), migrate it when it is older, and open it.

    Its folder must exist. Raises DatabaseUnusable.
    """
    _make_private_file(path)
    _use_write_ahead_log(path)
    database = Database(path)
    try:
        with database.read() as transaction:
            found = _revision(transaction, path)
        if found != migrations.HEAD:
            _migrate(database)
            database.empty_log()
    except BaseException:
        database.close()
        raise
    return database


def open_read_only(path: Path) -> Database:
    """Open a database that another process may be writing; only `read` works.

    Raises DatabaseUnusable, also when it is older than the program.
    """
    database = Database(path, read_only=True)
    try:
        with database.read() as transaction:
            found = _revision(transaction, path)
        if found != migrations.HEAD:
            raise DatabaseUnusable(
                f"The database {path} is older than this program: start the bot once, it migrates"
                " the file."
            )
    except BaseException:
        database.close()
        raise
    return database


def _make_private_file(path: Path) -> None:
    try:
        # Exclusive: closing a second descriptor of an open database would drop its locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise DatabaseUnusable(
                f"{path} is not a file: name another [state] directory in the configuration."
            ) from None
    except OSError as error:
        raise DatabaseUnusable(
            f"The database {path} cannot be created ({error.strerror}): make sure that its folder"
            " exists, has space, and belongs to the user that runs zulip-ops."
        ) from error


def _use_write_ahead_log(path: Path) -> None:
    """Set once for the life of the file; SQLite does not wait by itself for this lock."""
    give_up = time.monotonic() + connections.BUSY_SECONDS
    while True:
        try:
            with _in_words(path), closing(connections.connect(path, "rw")) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except DatabaseBusy:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _revision(transaction: Transaction, path: Path) -> str | None:
    """The revision of the file, None for a new one; raises when it is newer or not ours."""
    tables = transaction.exec_driver_sql(
        "SELECT COUNT(*), COALESCE(SUM(name = 'alembic_version'), 0) FROM sqlite_schema"
        " WHERE type = 'table'"
    ).one()
    if tables[0] == 0:
        return None
    if tables[1] == 0:
        raise DatabaseUnusable(
            f"The database {path} belongs to another program: name another [state] directory."
        )
    found = transaction.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is not None and found > migrations.HEAD:
        raise DatabaseUnusable(
            f"The database {path} was written by a newer zulip-ops (revision {found}, this program"
            f" knows {migrations.HEAD}): install that version again."
        )
    return found


def _migrate(database: Database) -> None:
    with database.write() as transaction:
        # Another process may have been faster while this one waited for the lock.
        if _revision(transaction, database.path) != migrations.HEAD:
            migrations.upgrade(transaction)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says about file and disk into a sentence; leave our own mistakes alone."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        # The low byte is the kind of failure, the rest is detail.
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0) & 0xFF
        if code in BUSY:
            raise DatabaseBusy(
                f"The database {path} is locked by another process: end it, or try again later."
            ) from error
        if code not in SENTENCES:
            raise
        kind = KINDS.get(code, DatabaseUnusable)
        if code == sqlite3.SQLITE_IOERR and _has_no_room(path):
            code = sqlite3.SQLITE_FULL
        raise kind(f"The database {path} {SENTENCES[code]}") from error


def _log_takes_the_room(path: Path) -> bool:
    """Whether the write-ahead log is larger than what is left, so that it might never fit into the
    file again: on a small disk it would then be what fills it."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > _room(path)
    except OSError:
        return False


def _room(path: Path) -> int:
    figures = os.statvfs(path.parent)
    return figures.f_bavail * figures.f_frsize


def _has_no_room(path: Path) -> bool:
    try:
        return _room(path) < ALMOST_FULL_BYTES
    except OSError:
        return False
