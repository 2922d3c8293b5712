"""Deleting one copy: what speaks against it, and what is left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.backups.retention import delete_backup
from handlers.backups.standing import Note
from handlers.errors import BadCommand, HostFailure, Reason, Refused
from handlers.host.settings import StoreSettings
from tests.handlers.backups.retention.conftest import NIGHT, NOW, Shelf


def test_a_copy_goes_at_once_and_its_uploads_stay_for_others(shelf: Shelf) -> None:
    newest, second, third = shelf.nights(3)

    done = shelf.delete(second)

    assert f"Copy `{second}` was deleted from local (" in done.sentence
    assert "Uploads that came with it stay in local: other copies need them." in done.sentence
    assert shelf.copies == {newest, third}
    assert shelf.objects(second) == {"uploads", "index"}
    assert all(map(shelf.is_whole, shelf.copies))


def test_nothing_is_left_of_a_copy_that_nobody_needs(shelf: Shelf) -> None:
    alone = shelf.tiny.add(NIGHT - timedelta(days=9))
    shelf.nights(2)

    done = shelf.delete("1")

    assert "stay in" not in done.sentence
    assert alone not in {*shelf.copies, *shelf.retired}
    assert shelf.objects(alone) == set()


@pytest.mark.parametrize(
    ("which", "why"),
    [
        (0, "it is the newest copy there"),
        (1, "it is one of the last 1 proven copies there"),
        (2, "it is kept until 2026-11-26 12:30 UTC"),
    ],
)
def test_what_speaks_for_a_copy_is_said(shelf: Shelf, which: int, why: str) -> None:
    copies = shelf.nights(4, proven=(1,))
    shelf.keep(copies[2], NOW + timedelta(days=1))

    with pytest.raises(Refused) as refused:
        shelf.delete(copies[which])

    assert refused.value.message == f"It cannot be deleted from local: {why}."
    assert shelf.copies == set(copies)


def test_the_newest_verified_copy_stays_where_none_is_proven(shelf: Shelf) -> None:
    verified = shelf.tiny.add(NIGHT - timedelta(days=1))
    shelf.tiny.add(NIGHT, verified=False)
    shelf.rules = None

    with pytest.raises(Refused, match="it is the newest verified copy there"):
        shelf.delete(verified)


def test_a_refuted_copy_goes_and_so_does_one_with_a_damaged_record(shelf: Shelf) -> None:
    newest, second, third = shelf.nights(3)
    shelf.tiny.note(Note.REFUTED, second, NOW)
    shelf.tiny.spoil_record(third)

    shelf.delete(second)
    plan = delete_backup.plan(shelf.context(), delete_backup.Args(third))
    assert f"copy `{third}`, whose commit record is damaged," in plan.summary
    shelf.delete(third)

    assert shelf.copies == {newest}


def test_a_copy_from_the_future_can_be_taken_out_of_the_way(shelf: Shelf) -> None:
    copies = shelf.nights(3)
    future = shelf.tiny.add(NIGHT + timedelta(days=4000), verified=False)
    assert "is dated in the future" in shelf.plan().summary

    shelf.delete(future)

    assert shelf.copies == set(copies)
    assert shelf.plan().binding["marked_in_local"] == [copies[2]]


@pytest.mark.parametrize("copy", ["4711", "20261123T150200Z-0123abcd"])
def test_a_copy_that_is_not_there_is_named(shelf: Shelf, copy: str) -> None:
    shelf.nights(2)

    with pytest.raises(BadCommand, match=copy) as refused:
        shelf.delete(copy)

    assert refused.value.reason is Reason.BAD_ARGUMENT


def test_a_store_that_cannot_be_asked_has_to_be_left_out_in_words(shelf: Shelf) -> None:
    *_, oldest = shelf.nights(3)
    assert shelf.settings.path is not None
    blocked = shelf.settings.path.with_name("file")
    blocked.touch()
    away = StoreSettings(name="away", path=blocked)
    context = replace(shelf.context(), stores=(shelf.settings, away))

    with pytest.raises(HostFailure, match="Not every store can be asked") as refused:
        delete_backup.plan(context, delete_backup.Args(oldest))

    assert refused.value.hint is not None
    assert f"backup delete {oldest} --store local" in refused.value.hint
    plan = delete_backup.plan(context, delete_backup.Args(oldest, "local"))
    assert plan.binding["goes_from"] == ["local"]


def test_what_changed_between_plan_and_run_is_looked_at_again(shelf: Shelf) -> None:
    *_, oldest = shelf.nights(3)
    args = delete_backup.Args(oldest)
    plan = delete_backup.plan(shelf.context(), args)
    shelf.keep(oldest, NOW + timedelta(days=1))

    with pytest.raises(HostFailure, match=r"was deleted nowhere\. It cannot be deleted from local"):
        delete_backup.run(shelf.context(), args, plan)

    assert oldest in shelf.copies
