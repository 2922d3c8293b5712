"""Which database and which uploads lie under which name, and how they are swapped by hand."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from handlers.contract import Context
from handlers.host import databases, zulip_settings
from handlers.host.databases import plain_or_quoted
from handlers.host.layout import Layout
from handlers.host.postgres import MAINTENANCE, SUPERUSER
from handlers.host.settings import DatabaseSettings

DATABASE, UPLOADS = "database", "uploads"
PARTS = (DATABASE, UPLOADS)


@dataclass(frozen=True, slots=True)
class Names:
    """What one restore calls things; its job's number keeps those of two restores apart."""

    job: int
    database: str
    uploads: Path

    @classmethod
    def of(cls, context: Context) -> "Names":
        # Where a link leads elsewhere, it stays: what it leads to is renamed there.
        place = zulip_settings.uploads_place(Layout(context.host.root))
        return cls(context.job, context.host.database.name, place.directory.resolve())

    @property
    def new_database(self) -> str:
        """Where the copy is restored, beside what Zulip uses."""
        return f"{self.database}_restore_{self.job}"

    @property
    def old_database(self) -> str:
        """What Zulip used until now, after the swap."""
        return f"{self.database}_before_{self.job}"

    @property
    def new_uploads(self) -> Path:
        return self.uploads.with_name(f"{self.uploads.name}_restore_{self.job}")

    @property
    def old_uploads(self) -> Path:
        return self.uploads.with_name(f"{self.uploads.name}_before_{self.job}")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What was found under these names."""

    names: Names
    has_database: bool
    has_new_database: bool
    has_old_database: bool
    has_uploads: bool
    has_new_uploads: bool
    has_old_uploads: bool

    @property
    def database_is_swapped(self) -> bool:
        """Both names change in one transaction: there is nothing in between."""
        return self.has_old_database and self.has_database

    @property
    def uploads_are_swapped(self) -> bool:
        return self.has_old_uploads and self.has_uploads

    @property
    def uploads_are_between(self) -> bool:
        """The old ones are renamed away and the new ones not yet in their place."""
        return self.has_old_uploads and not self.has_uploads

    @property
    def is_swapped(self) -> bool:
        return self.database_is_swapped or self.has_old_uploads

    def sentence(self) -> str:
        """Which of the states holds, in words."""
        return f"{self._database()} {self._uploads()}"

    def _database(self) -> str:
        if self.database_is_swapped:
            old = self.names.old_database
            return f"The database is the restored one; the one before is kept as `{old}`."
        if not self.has_database:
            return f"There is NO database `{self.names.database}`."
        return "The database is the one from before."

    def _uploads(self) -> str:
        kept = f"those from before lie in {self.names.old_uploads}"
        if self.uploads_are_between:
            return f"There are NO uploads in place; {kept}."
        if self.uploads_are_swapped:
            return f"The uploads are the restored ones; {kept}."
        return "The uploads are those from before."


def look(context: Context, names: Names | None = None) -> Arrangement:
    """Ask PostgreSQL and the disk; HostFailure when PostgreSQL does not answer."""
    names = names or Names.of(context)
    there = databases.sizes(context.host.database, names.database)
    return Arrangement(
        names,
        has_database=names.database in there,
        has_new_database=names.new_database in there,
        has_old_database=names.old_database in there,
        has_uploads=names.uploads.is_dir(),
        has_new_uploads=names.new_uploads.is_dir(),
        has_old_uploads=names.old_uploads.is_dir(),
    )


def commands_back(host: DatabaseSettings, found: Arrangement, start: Path) -> tuple[str, ...]:
    """What root types to have everything from before again; Zulip has to be stopped for it.

    What remembers rows of the restored database is emptied, as when that came.
    """
    names = found.names
    lines = [str(start.with_name("stop-server"))] if found.is_swapped else []
    if found.database_is_swapped:
        lines.append(
            psql(
                host,
                _renaming(names.database, names.new_database),
                _renaming(names.old_database, names.database),
            )
        )
    if found.uploads_are_swapped:
        lines.append(_move(names.uploads, names.new_uploads))
    if found.has_old_uploads:
        lines.append(_move(names.old_uploads, names.uploads))
    if found.database_is_swapped:
        lines += _forgetting(host, start.parents[1])
    return (*lines, str(start))


def _forgetting(host: DatabaseSettings, tree: Path) -> list[str]:
    becoming = () if host.system_user is None else ("runuser", "-u", host.system_user, "--")
    return [
        shlex.join((*becoming, str(tree / "scripts/setup/flush-memcached"))),
        shlex.join((*becoming, str(tree / "manage.py"), "purge_queue", "--all")),
    ]


def commands_to_drop(host: DatabaseSettings, found: Arrangement) -> tuple[str, ...]:
    """What root types to have the room again that this restore took."""
    names = found.names
    unused = [
        name
        for name, there in (
            (names.new_database, found.has_new_database),
            (names.old_database, found.database_is_swapped),
        )
        if there
    ]
    lines = [psql(host, f"DROP DATABASE {plain_or_quoted(name)}") for name in unused]
    lines += [
        shlex.join(("rm", "-r", str(path)))
        for path, there in (
            (names.new_uploads, found.has_new_uploads),
            (names.old_uploads, found.uploads_are_swapped),
        )
        if there
    ]
    return tuple(lines)


def psql(host: DatabaseSettings, *statements: str) -> str:
    """All of them in one transaction, by the account that PostgreSQL knows as its superuser."""
    becoming = () if host.system_user is None else ("runuser", "-u", SUPERUSER, "--")
    program = "psql" if host.programs is None else str(Path(host.programs, "psql"))
    where = (f"--host={host.host}", f"--port={host.port}", f"--username={SUPERUSER}", MAINTENANCE)
    return shlex.join((*becoming, program, *where, "-c", "; ".join(statements)))


def _renaming(before: str, after: str) -> str:
    return f"ALTER DATABASE {plain_or_quoted(before)} RENAME TO {plain_or_quoted(after)}"


def _move(before: Path, after: Path) -> str:
    return shlex.join(("mv", "-T", str(before), str(after)))
