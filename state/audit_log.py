"""Who did what and when, each entry carrying the hash of the one before."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, cast, insert, select
from sqlalchemy.exc import DBAPIError

from state.columns import Facts, canonical_json, columns_for, iso
from state.database import Transaction
from state.models import audit_entries

#: What the first entry carries in place of the hash before.
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    detail: Facts
    previous_hash: str
    hash: str


class UnreadableLogError(Exception):
    """An entry has been damaged; `verify` names it."""


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The first entry that is not what was once written."""

    seq: int
    sentence: str


_COLUMNS = columns_for(audit_entries, Entry)


def append(tx: Transaction, at: datetime, actor: str, action: str, detail: Facts) -> Entry:
    """Add an entry; `actor` is like "user/11", "schedule/nightly", "root", "bot"."""
    # Nothing else of the last entry is read: if it is damaged, the log goes on all the same.
    last_seq, previous = head_hash(tx) or (0, GENESIS)
    seq = last_seq + 1
    actor = actor.encode("utf-8", "replace").decode("utf-8")
    entry = Entry(
        seq=seq,
        at=at,
        actor=actor,
        action=action,
        detail=dict(detail),
        previous_hash=previous,
        hash=_hash(seq, iso(at), actor, action, canonical_json(detail), previous),
    )
    tx.execute(
        insert(audit_entries).values({name: getattr(entry, name) for name in Entry.__slots__})
    )
    return entry


def head(tx: Transaction) -> Entry | None:
    """The newest entry: whoever kept its hash elsewhere can tell when the tail is cut."""
    row = tx.execute(select(*_COLUMNS).order_by(audit_entries.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else Entry(*row)


def head_hash(tx: Transaction) -> tuple[int, str] | None:
    """Number and hash of the newest entry, whatever has become of the rest of it."""
    newest = select(audit_entries.c.seq, audit_entries.c.hash).order_by(audit_entries.c.seq.desc())
    row = tx.execute(newest.limit(1)).one_or_none()
    return None if row is None else (row.seq, row.hash)


def hash_of(tx: Transaction, seq: int) -> str | None:
    """The hash of one entry as it is stored; None when there is no such entry."""
    found: str | None = tx.execute(
        select(audit_entries.c.hash).where(audit_entries.c.seq == seq)
    ).scalar_one_or_none()
    return found


def page(tx: Transaction, *, before_seq: int | None = None, limit: int = 20) -> list[Entry]:
    """Newest first; `before_seq` is the last one of the page before.

    Raises UnreadableLogError where an entry is no longer what can be read.
    """
    query = select(*_COLUMNS).order_by(audit_entries.c.seq.desc()).limit(limit)
    if before_seq is not None:
        query = query.where(audit_entries.c.seq < before_seq)
    try:
        return [Entry(*row) for row in tx.execute(query)]
    except (DBAPIError, ValueError) as error:
        raise UnreadableLogError from error


def verify(tx: Transaction) -> FirstBad | None:
    """Read the chain from its first entry; None when every link holds."""
    seq, previous = 0, GENESIS
    try:
        for row in _stored(tx):
            seq += 1
            if row.seq != seq:
                return FirstBad(seq, f"Entry {seq} is missing: the next one is {row.seq}.")
            if row.previous_hash != previous:
                return FirstBad(seq, f"Entry {seq} does not follow the entry before it.")
            if row.hash != row.computed:
                return FirstBad(seq, f"Entry {seq} is not what was written: its hash differs.")
            previous = row.hash
    except (DBAPIError, UnicodeDecodeError):
        return FirstBad(seq + 1, f"Entry {seq + 1} cannot be read.")
    return None


@dataclass(frozen=True, slots=True)
class _Stored:
    seq: int
    previous_hash: str
    hash: str
    computed: str


def _stored(tx: Transaction) -> Iterator[_Stored]:
    """The entries as the bytes that lie on disk, a thousand at a time."""
    c = audit_entries.c
    texts = [
        cast(column, LargeBinary)
        for column in (c.at, c.actor, c.action, c.detail, c.previous_hash, c.hash)
    ]
    query = select(c.seq, *texts).order_by(c.seq).execution_options(yield_per=1000)
    for seq, *raw in tx.execute(query):
        at, actor, action, detail, previous, own = (part.decode("utf-8") for part in raw)
        yield _Stored(seq, previous, own, _hash(seq, at, actor, action, detail, previous))


def _hash(seq: int, at: str, actor: str, action: str, detail: str, previous: str) -> str:
    """SHA-256 over canonical JSON of what is stored; `detail` is the stored text itself."""
    content = canonical_json(
        {
            "seq": seq,
            "at": at,
            "actor": actor,
            "action": action,
            "detail": detail,
            "previous_hash": previous,
        }
    )
    return hashlib.sha256(content.encode("ascii")).hexdigest()
