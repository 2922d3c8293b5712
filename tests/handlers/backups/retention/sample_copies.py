"""Copies of every kind, as data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from handlers.backups import repository
from handlers.backups.retention.copies import Copy
from handlers.backups.standing import Standing

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)


def copy(days_ago: float, kind: str = "proven", **more: object) -> Copy:
    at = NIGHT - timedelta(days=days_ago)
    first, later = at + timedelta(minutes=1), at + timedelta(minutes=2)
    standing = {
        "stored": Standing(),
        "compared": Standing(compared_at=first),
        "verified": Standing(verified_at=first),
        "proven": Standing(verified_at=first, proven_at=later),
        "refuted": Standing(verified_at=first, refuted_at=later),
        "damaged": Standing(verified_at=first, damaged_at=later),
        "mended": Standing(damaged_at=first, verified_at=later),
    }[kind]
    found = Copy(f"{repository.moment(at)}-00000001", job=1, standing=standing)
    return replace(found, **more)  # type: ignore[arg-type] # fields by name, as a test needs them
