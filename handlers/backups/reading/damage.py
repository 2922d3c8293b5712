"""Notes in a store what is found damaged, so that nothing new relies on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from handlers.backups.repository import commit_key
from handlers.backups.standing import Note, add_note, newest_notes
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store


@contextmanager
def noting_damage(store: Store, snapshot: str, read: str, now: datetime) -> Iterator[None]:
    """What the block finds wrong with a snapshot while another one, or itself, is `read`.

    Where not even the commit record of the one that is read is there any more, nothing is damaged:
    it was removed meanwhile, or its disk or bucket is away. HostFailure says that instead.
    """
    try:
        yield
    except HostFailure as failure:
        if failure.reason is Reason.VERIFICATION_FAILED:
            if not store.exists(commit_key(read)):
                raise _gone(store, read) from failure
            note_damage(store, snapshot, now, failure)
        raise


def note_damage(store: Store, snapshot: str, now: datetime, found: HostFailure) -> None:
    """Write the note; where that cannot be done, what was found says so too."""
    try:
        add_note(store, Note.DAMAGED, snapshot, now, {"found": found.message})
    except HostFailure:
        if not _is_noted(store, snapshot):
            found.message += " That could not be noted there, so later copies may rely on it."


def _is_noted(store: Store, snapshot: str) -> bool:
    """Perhaps in this very second; or long ago, and that is as good."""
    try:
        return snapshot in newest_notes(store, Note.DAMAGED)
    except HostFailure:
        return False


def _gone(store: Store, snapshot: str) -> HostFailure:
    return HostFailure(
        f"Store {store.name}: snapshot {snapshot} is no longer there.",
        reason=Reason.STORE_FAILED,
        hint="It was removed meanwhile, or the disk or bucket is away.",
    )
