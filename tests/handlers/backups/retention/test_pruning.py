"""A prune that is cut off at any step, and one that the store refuses something."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.retention.tiny import TinyCopies
from handlers.backups.repository import read_snapshot, retired_key
from handlers.backups.retention.lease import lease
from handlers.backups.retention.phases import lay_out
from handlers.backups.retention.pruning import Agreed, Done, prune_store
from handlers.backups.retention.survey import Surveyor
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.architecture.tree import ROOT
from tests.fakes.cut_store import CutStore, PowerCut
from tests.handlers.backups.retention.conftest import NIGHT, FixedClock, Shelf

#: More changes than these prunes make.
MANY = 60


def prune(shelf: Shelf, store: CutStore) -> Done:
    """Whatever is due."""
    phases = lay_out(Surveyor(store).look(), shelf.rules, shelf.clock.now())
    agreed = Agreed(*map(frozenset, (phases.mark, phases.remove, phases.take_back, phases.clear)))
    done = Done(store.name)
    with lease(shelf.store, 40, shelf.clock):
        prune_store(Surveyor(store), None, agreed, shelf.context(), done)
    return done


def make_due(shelf: Shelf) -> None:
    """Two copies are marked and due: nobody needs the one, others need uploads of the other."""
    shelf.tiny.add(NIGHT - timedelta(days=9))
    shelf.nights(3)
    shelf.prune()
    assert len(shelf.marked) == 2
    shelf.clock.at += timedelta(days=1)


def twin(shelf: Shelf, directory: Path) -> Shelf:
    """Another store that holds the same."""
    assert shelf.settings.path is not None
    shutil.copytree(shelf.settings.path, directory)
    settings = StoreSettings(name="local", path=directory)
    store = open_store(settings)
    tiny = TinyCopies(store, shelf.tiny.made, shelf.tiny.needs)
    return replace(
        shelf, settings=settings, store=store, tiny=tiny, clock=FixedClock(shelf.clock.at)
    )


def test_cut_off_before_any_change_no_copy_is_half_and_the_next_prune_ends_it(
    shelf: Shelf, tmp_path: Path
) -> None:
    make_due(shelf)
    staying, needed = shelf.copies - shelf.marked, max(shelf.marked)

    for at in range(MANY):
        cut = twin(shelf, tmp_path / f"cut-{at}")
        try:
            prune(cut, CutStore(cut.store, at=at))
        except PowerCut:
            assert staying <= cut.copies, at
            assert all(map(cut.is_whole, cut.copies)), at
            prune(cut, CutStore(cut.store))
        assert cut.copies == staying, at
        assert cut.retired == {needed}, at
        assert cut.objects(needed) == {"uploads", "index"}, at
        assert all(map(cut.is_whole, cut.copies)), at
        shutil.rmtree(tmp_path / f"cut-{at}")
    whole = CutStore(shelf.store)
    prune(shelf, whole)
    assert 10 < whole.changes < MANY


@pytest.mark.parametrize("at", [2, 6])
def test_killed_in_the_middle_the_next_prune_ends_it(shelf: Shelf, at: int) -> None:
    make_due(shelf)
    staying = shelf.copies - shelf.marked
    done = subprocess.run(
        (
            sys.executable,
            "-c",
            KILLED,
            str(shelf.settings.path),
            shelf.clock.at.isoformat(),
            str(at),
        ),
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all(map(shelf.is_whole, shelf.copies))
    # The lease of the process that died is over by then.
    shelf.clock.at += timedelta(hours=1)
    shelf.prune()
    assert shelf.copies == staying
    assert all(map(shelf.is_whole, shelf.copies))


#: A prune in a process of its own, which kills itself before the change of that number.
KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from bench.retention.tiny import TinyCopies
from tests.fakes.cut_store import CutStore
from tests.handlers.backups.retention.conftest import FixedClock, Shelf
from tests.handlers.backups.retention.test_pruning import prune

settings = StoreSettings(name="local", path=Path(sys.argv[1]))
store = open_store(settings)
clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
shelf = Shelf(settings, store, TinyCopies(store), clock=clock)
end = lambda: os.kill(os.getpid(), signal.SIGKILL)
prune(shelf, CutStore(store, at=int(sys.argv[3]), end=end))
"""


@pytest.mark.parametrize("locked", ["snapshots/", "objects/"])
def test_what_a_lock_holds_is_told_and_tried_again_later(shelf: Shelf, locked: str) -> None:
    make_due(shelf)
    staying, before = shelf.copies - shelf.marked, shelf.copies
    store = CutStore(shelf.store)
    store.locked = (locked,)

    done = prune(shelf, store)

    assert done.removed == []
    assert len(done.refused) >= 2
    assert "AccessDenied. It does not let" in done.refused[0]
    assert shelf.rules is not None
    assert "NOT removed: Store local: AccessDenied." in done.sentence(shelf.rules)
    assert shelf.copies == (before if locked == "snapshots/" else staying)
    assert all(map(shelf.is_whole, shelf.copies))
    store.locked = ()
    prune(shelf, store)
    assert shelf.copies == staying
    assert len(shelf.retired) == 1
    assert all(shelf.objects(each) == {"uploads", "index"} for each in shelf.retired)


def test_a_lost_answer_to_a_delete_is_no_refusal(shelf: Shelf) -> None:
    make_due(shelf)
    store = CutStore(shelf.store)
    store.loses_answers = True

    done = prune(shelf, store)

    assert done.refused == []
    assert len(done.removed) == 2


def test_a_record_that_was_cut_short_is_written_anew(shelf: Shelf) -> None:
    make_due(shelf)
    needed = max(shelf.marked)
    shelf.store.put(retired_key(needed), b"")

    prune(shelf, CutStore(shelf.store))

    assert shelf.retired == {needed}
    assert read_snapshot(shelf.store, needed).id == needed
    assert all(map(shelf.is_whole, shelf.copies))
