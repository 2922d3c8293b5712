"""The file in which the side that starts runs keeps what was granted to schedules."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from handlers.host import directories
from handlers.host.directories import sync
from jobs.launcher import LauncherUnavailable
from jobs.launching.grant import Grant
from jobs.runs.fields import Fields, Unreadable

GRANTS_FILE = "grants.json"
VERSION = 1
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class GrantLedger:
    """One grant for each schedule; every change is durable before it is answered.

    Every method raises LauncherUnavailable when the file cannot be read or written: a damaged
    ledger is never taken for an empty one.
    """

    file: Path

    def grant(self, grant: Grant) -> str:
        """In place of an earlier grant to the same schedule; its mark."""
        with self._changing() as grants:
            if grants.get(grant.schedule) != grant:
                self._write({**grants, grant.schedule: grant})
        return grant.mark

    def revoke(self, schedule: str) -> bool:
        """False when nothing was granted to it."""
        with self._changing() as grants:
            if schedule not in grants:
                return False
            self._write({name: kept for name, kept in grants.items() if name != schedule})
        return True

    def grants(self) -> dict[str, Grant]:
        """By the name of the schedule."""
        try:
            record = Fields.parse(self.file.read_bytes(), self.file.name)
            record.version("version", VERSION)
            grants = [Grant.from_json(Fields(one, "a grant")) for one in record.list("grants")]
        except FileNotFoundError:
            return {}
        except (OSError, Unreadable) as error:
            raise _unusable(self.file, error) from error
        return {grant.schedule: grant for grant in grants}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Grant]]:
        """One change at a time, whichever process makes it."""
        try:
            directories.make(self.file.parent, 0o750)
            directory = os.open(self.file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable(self.file, error) from error
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield self.grants()
        finally:
            os.close(directory)

    def _write(self, grants: Mapping[str, Grant]) -> None:
        """Whole or not at all, and durable."""
        record = {"version": VERSION, "grants": [grants[name].to_json() for name in sorted(grants)]}
        new = self.file.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as text:
                text.write(json.dumps(record, indent=1) + "\n")
                text.flush()
                os.fsync(text.fileno())
            new.rename(self.file)
            sync(self.file.parent)
        except OSError as error:
            raise _unusable(self.file, error) from error


def _unusable(file: Path, error: OSError | Unreadable) -> LauncherUnavailable:
    why = error.message if isinstance(error, Unreadable) else f"{error.strerror}."
    return LauncherUnavailable(f"The grants in {file} cannot be used: {why}")
