"""Random histories are pruned as they may be, and the judge would notice if they were not."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bench.backup_retention import play_all
from bench.retention.history import nothing, play
from handlers.backups.repository import UPLOADS, commit_key, object_key, retired_ids, snapshot_ids
from handlers.backups.retention import marks
from handlers.backups.standing import Note, newest_notes
from handlers.host.store_contract import Store

QUICK = 4
#: By then each planted fault has done its harm.
PATIENCE = 8


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder that costs no disk."""
    there = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=there if there.is_dir() else None) as name:
        yield Path(name)


def test_no_prune_of_a_few_histories_does_what_it_may_not(memory: Path) -> None:
    outcome = play_all(QUICK, 7, memory)

    assert outcome.violations == 0
    assert outcome.prunes > 10 * QUICK
    assert outcome.removed > QUICK


def told(
    memory: Path,
    besides: Callable[[Store], None] = nothing,
    doctored: Mapping[str, int] | None = None,
) -> str:
    """What the judge says of the first history in which a planted fault does harm."""
    for which in range(PATIENCE):
        history = play(f"7/{which}", memory / str(which), besides, doctored)
        if history.found:
            return "\n".join(history.found)
    return ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("proven", 0, "good"),
        ("grace_hours", 0, "went before its grace was over"),
        ("fresh_hours", 10**6, "something went although the newest copy is too old"),
    ],
    ids=["without proofs", "without a grace", "without backups"],
)
def test_a_prune_by_other_rules_is_noticed(memory: Path, name: str, value: int, said: str) -> None:
    assert said in told(memory, doctored={name: value})


def removes_the_last_proven(store: Store) -> None:
    proven = sorted(newest_notes(store, Note.PROVEN).keys() & set(snapshot_ids(store)))
    for each in proven[-1:]:
        store.delete(commit_key(each))


def forgets_what_others_need(store: Store) -> None:
    for each in retired_ids(store):
        store.delete(object_key(each, UPLOADS, 1))


def forgets_what_is_kept(store: Store) -> None:
    for each in marks.kept(store):
        store.delete(commit_key(each))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (removes_the_last_proven, "one of the last good ones"),
        (forgets_what_others_need, "stays and is not whole any more"),
        (forgets_what_is_kept, "went, and it was kept"),
    ],
)
def test_a_prune_that_does_too_much_is_noticed(
    memory: Path, fault: Callable[[Store], None], said: str
) -> None:
    assert said in told(memory, fault)
