"""What is remembered of each recovery key: what was asked last, and who held it when."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from handlers.contract import JSON
from handlers.host import directories

#: Below the state directory, one file of each kind for a key.
FOLDER = "custody"
#: A question is to be answered within this time.
GOOD_FOR = timedelta(days=7)
#: A key that nobody has opened anything with for longer may be lost.
DUE_AFTER = timedelta(days=31)

#: Without letters that are read for a figure or for each other.
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_GROUPS, _GROUP_LETTERS = 4, 4


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody has opened what was sealed to the key."""

    at: datetime
    by: str

    def is_due(self, now: datetime) -> bool:
        """Whether it has to be shown anew."""
        return now - self.at > DUE_AFTER


def new_answer() -> str:
    """Short enough to be typed, and too long to be guessed: 78 bits."""
    letters = (secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP_LETTERS))
    groups = ("".join(next(letters) for _ in range(_GROUP_LETTERS)) for _ in range(_GROUPS))
    return "-".join(groups)


def ask(state_directory: Path, key: str, answer: str, now: datetime) -> None:
    """Remember what the right answer is, but not the answer; it takes the place of an earlier one.

    Raises OSError.
    """
    salt = secrets.token_hex(16)
    record: dict[str, JSON] = {"at": now.isoformat(), "salt": salt, "sha256": _hash(salt, answer)}
    _write(_file(state_directory, key, "asked"), record)


def is_right(state_directory: Path, key: str, answer: str, now: datetime) -> bool:
    """Whether this answers the last question about the key, in time."""
    record = _read(_file(state_directory, key, "asked"))
    try:
        in_time = timedelta(0) <= now - datetime.fromisoformat(record["at"]) <= GOOD_FOR
        return in_time and hmac.compare_digest(record["sha256"], _hash(record["salt"], answer))
    except (KeyError, TypeError, ValueError):
        return False


def prove(state_directory: Path, key: str, by: str, now: datetime) -> None:
    """Remember that somebody held the key; the question is answered. Raises OSError."""
    _write(_file(state_directory, key, "held"), {"at": now.isoformat(), "by": by})
    _file(state_directory, key, "asked").unlink(missing_ok=True)


def last_proof(state_directory: Path, key: str) -> Proof | None:
    """When somebody last held the key; None: nobody ever showed it, or that cannot be read."""
    record = _read(_file(state_directory, key, "held"))
    with suppress(KeyError, TypeError, ValueError):
        return Proof(datetime.fromisoformat(record["at"]), str(record["by"]))
    return None


def _hash(salt: str, answer: str) -> str:
    """Of what is meant, however it was typed."""
    meant = answer.upper().replace("-", "")
    return hashlib.sha256(f"{salt} {meant}".encode()).hexdigest()


def _file(state_directory: Path, key: str, kind: str) -> Path:
    return state_directory / FOLDER / f"{key}.{kind}.json"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path: Path, record: Mapping[str, JSON]) -> None:
    """The file is the old one or the new one, whatever happens to the power."""
    directories.make(path.parent, 0o750)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        # No secret; the bot reads it, whoever wrote it.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directories.sync(path.parent)
