"""What a prune lets go, and what it says."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bench.retention.tiny import TinyCopies
from handlers.backups import repository
from handlers.backups.retention import marks, prune_backups
from handlers.backups.retention.survey import GARBAGE_AFTER
from handlers.backups.standing import Note
from handlers.contract import Plan
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.registry import declaration
from jobs.configuration_file import LEAST_GRACE_HOURS
from tests.handlers.backups.retention.conftest import NIGHT, NOW, RULES, Shelf


def ids(plan: Plan, name: str) -> list[str]:
    found = plan.binding.get(name, [])
    assert isinstance(found, list)
    return [str(each) for each in found]


def test_a_copy_is_marked_first_and_removed_after_the_grace(shelf: Shelf) -> None:
    newest, second, third, oldest = shelf.nights(4)
    plan = shelf.plan()
    assert ids(plan, "marked_in_local") == [oldest, third]
    assert plan.binding["rules"] == "2 daily; the last 1 proven; 24 h between mark and removal"

    assert "2 copies were marked" in shelf.prune().sentence
    assert shelf.copies == {newest, second, third, oldest}
    assert shelf.marked == {oldest, third}
    shelf.clock.at += timedelta(hours=23)
    assert "no copy went" in shelf.prune().sentence

    shelf.clock.at += timedelta(hours=1)
    assert ids(shelf.plan(), "removed_from_local") == [oldest, third]
    done = shelf.prune()

    assert "2 copies were removed" in done.sentence
    assert shelf.copies == {newest, second}
    assert all(map(shelf.is_whole, shelf.copies))


def test_uploads_stay_while_a_later_copy_needs_them_and_go_with_it(shelf: Shelf) -> None:
    newest, second, third, oldest = shelf.nights(4)
    shelf.prune_after_grace()
    # The second relies on uploads of the third, and nobody on those of the oldest any more.
    assert shelf.retired == {third}
    assert shelf.objects(third) == {"uploads", "index"}
    assert shelf.objects(oldest) == set()
    assert repository.read_snapshot(shelf.store, third).id == third

    tonight = shelf.tiny.add_proven(shelf.clock.at - timedelta(hours=10))
    shelf.prune()
    shelf.clock.at += timedelta(days=1)
    shelf.tiny.add_proven(shelf.clock.at - timedelta(hours=10), [tonight])
    shelf.prune()
    shelf.clock.at += timedelta(days=1)
    shelf.tiny.add_proven(shelf.clock.at - timedelta(hours=10), [tonight])
    shelf.prune()

    assert second not in shelf.copies
    assert newest not in shelf.copies
    assert shelf.objects(third) == shelf.objects(second) == set()
    assert third not in shelf.retired
    kinds = (*(kind.prefix for kind in Note), marks.KEPT, marks.TOMBSTONES)
    noted = [entry.key for kind in kinds for entry in shelf.store.entries(kind)]
    assert not [key for key in noted if third in key or second in key]
    assert all(map(shelf.is_whole, shelf.copies))


def test_bytes_are_told_before_and_after_as_they_are(shelf: Shelf) -> None:
    shelf.nights(4)
    shelf.prune()
    shelf.clock.at += timedelta(days=1)
    before = sum(entry.size_bytes for entry in shelf.store.entries("objects/"))
    told = shelf.plan().estimates["free_then_in_local_bytes"]

    done = shelf.prune()

    after = sum(entry.size_bytes for entry in shelf.store.entries("objects/"))
    assert done.facts["freed_bytes"] == told == before - after > 0


def test_nothing_goes_without_rules(shelf: Shelf) -> None:
    shelf.nights(4)
    shelf.rules = None

    with pytest.raises(HostFailure, match="There are no rules") as refused:
        shelf.plan()

    assert refused.value.reason is Reason.NOT_CONFIGURED


def test_unproven_copies_stay_and_the_plan_says_what_to_do(shelf: Shelf) -> None:
    copies = shelf.nights(4, proven=())
    plan = shelf.plan()

    assert plan.summary.startswith("Nothing goes from local: none of its 4 copies is proven.")
    assert "Without drills set `proven = 0`" in plan.summary
    shelf.prune_after_grace()
    assert shelf.copies == set(copies)
    assert not shelf.marked


def test_verified_copies_count_where_the_rules_say_so(shelf: Shelf) -> None:
    newest, second, third, oldest = shelf.nights(4, proven=())
    shelf.rules = replace(RULES, proven=0)

    shelf.prune()

    assert shelf.marked == {third, oldest}
    assert shelf.copies == {newest, second, third, oldest}


@pytest.mark.parametrize("wrong", ["unverified", "damaged", "refuted", "record", "object"])
def test_nothing_goes_while_the_newest_copy_is_not_well(shelf: Shelf, wrong: str) -> None:
    shelf.nights(5, proven=(1, 2))
    shelf.prune()
    marked = shelf.marked
    assert marked
    shelf.clock.at += timedelta(days=1)
    newest = shelf.tiny.add(NIGHT + timedelta(days=1), verified=wrong != "unverified")
    later = NIGHT + timedelta(days=1, hours=1)
    match wrong:
        case "damaged":
            shelf.tiny.note(Note.DAMAGED, newest, later)
        case "refuted":
            shelf.tiny.note(Note.REFUTED, newest, later)
        case "record":
            shelf.tiny.spoil_record(newest)
        case "object":
            shelf.tiny.lose(newest)
    before = shelf.copies

    done = shelf.prune()

    assert newest in done.sentence
    assert "Nothing goes from local: " in done.sentence
    assert shelf.copies == before
    assert shelf.marked == marked


def test_a_kept_copy_stays_until_then(shelf: Shelf) -> None:
    *_, third, oldest = shelf.nights(4)
    shelf.prune()
    shelf.keep(oldest, NOW + timedelta(days=1, hours=1))
    assert shelf.marked == {third}

    shelf.clock.at += timedelta(days=1)
    shelf.prune()
    assert oldest in shelf.copies
    assert third not in shelf.copies

    shelf.tiny.add_proven(shelf.clock.at - timedelta(hours=1))
    shelf.clock.at += timedelta(hours=2)
    shelf.prune()
    assert oldest in shelf.marked


def test_a_note_of_keeping_that_cannot_be_read_keeps_for_ever(shelf: Shelf) -> None:
    *_, oldest = shelf.nights(4)
    shelf.store.put(f"kept/{oldest}/20261124T000000Z.json", b"not JSON")

    assert oldest not in ids(shelf.plan(), "marked_in_local")
    stays = shelf.plan().estimates["stays_in_local"]
    assert f"{oldest}: kept, until when cannot be read" in json.dumps(stays)


def test_a_marked_copy_that_the_rules_want_again_is_taken_back(shelf: Shelf) -> None:
    _, second, third, oldest = shelf.nights(4, proven=(0, 1))
    shelf.prune()
    assert shelf.marked == {third, oldest}
    shelf.tiny.note(Note.REFUTED, second, NOW)

    assert ids(shelf.plan(), "no_longer_marked_in_local") == [third]
    shelf.prune()

    # The refuted one stands for its day no longer.
    assert shelf.marked == {second, oldest}


def test_a_copy_with_a_damaged_record_is_left_to_a_person(shelf: Shelf) -> None:
    newest, second, third, fourth, oldest = shelf.nights(5)
    shelf.tiny.spoil_record(third)

    shelf.prune_after_grace()

    # The second needs uploads of the third, of which nobody can say any more what they are.
    assert shelf.copies == {newest, third, fourth}
    # And nobody knows which uploads the third needs, so those of older copies stay.
    assert shelf.objects(oldest) == {"uploads", "index"}
    assert shelf.objects(second) == {"uploads", "index"}
    stays = json.dumps(shelf.plan().estimates["stays_in_local"])
    assert f"{third}: its commit record is damaged, so only `backup delete` removes it" in stays


def test_objects_that_never_became_a_copy_go_once_none_can_become_of_them(shelf: Shelf) -> None:
    shelf.nights(2)
    old = shelf.tiny.add_garbage(NOW - timedelta(hours=26))
    young = shelf.tiny.add_garbage(NOW - timedelta(hours=20))

    assert ids(shelf.plan(), "cleared_from_local") == [old]
    done = shelf.prune()

    assert "leftovers of 1 were cleared" in done.sentence
    assert shelf.objects(old) == set()
    assert shelf.objects(young)


def test_objects_without_a_record_stay_while_a_copy_needs_them(shelf: Shelf) -> None:
    newest, second, third = shelf.nights(3)
    shelf.store.delete(repository.commit_key(third))

    shelf.prune()

    assert shelf.objects(third)
    assert shelf.copies == {newest, second}


def test_a_clock_far_ahead_lets_nothing_go(shelf: Shelf) -> None:
    copies = shelf.nights(6, proven=range(6))
    shelf.prune()
    shelf.clock.at += timedelta(days=3650)

    assert "is older than 49 hours, so backups are missing" in shelf.prune().sentence
    assert shelf.copies == set(copies)


def test_a_clock_far_behind_lets_nothing_go(shelf: Shelf) -> None:
    copies = shelf.nights(6, proven=range(6))
    shelf.clock.at -= timedelta(days=3650)

    assert "is dated in the future" in shelf.prune().sentence
    assert shelf.copies == set(copies)


def test_a_store_that_cannot_be_read_is_told_and_stops_no_other(shelf: Shelf) -> None:
    shelf.nights(4)
    assert shelf.settings.path is not None
    blocked = shelf.settings.path.with_name("file")
    blocked.touch()
    away = StoreSettings(name="away", path=blocked)
    context = replace(shelf.context(), stores=(away, shelf.settings))
    args = prune_backups.Args()
    plan = prune_backups.plan(context, args)
    done = prune_backups.run(context, args, plan)

    assert "Store away" in plan.preconditions[0].sentence
    assert plan.preconditions[0].holds
    assert "In away no copy went. It ended early. Store away" in done.sentence
    assert "In local 2 copies were marked" in done.sentence


def test_no_more_goes_than_was_agreed_to(shelf: Shelf) -> None:
    *_, third, _ = shelf.nights(4)
    plan = shelf.plan()
    plan = replace(plan, binding={**plan.binding, "marked_in_local": [third]})

    prune_backups.run(shelf.context(), prune_backups.Args(), plan)

    assert shelf.marked == {third}


def test_a_bucket_that_no_probe_has_tried_is_pruned_under_the_lock_of_the_host(
    shelf: Shelf, s3_store_settings: StoreSettings
) -> None:
    store = open_store(s3_store_settings)
    bucket = replace(shelf, settings=s3_store_settings, store=store, tiny=TinyCopies(store))
    newest, second, *_ = bucket.nights(4)

    guards = bucket.plan().estimates["only_the_lock_of_this_host_guards"]
    assert guards == ["bucket"]
    bucket.prune()
    bucket.clock.at += timedelta(days=1)
    done = bucket.prune()

    assert "In bucket 2 copies were removed" in done.sentence
    assert bucket.copies == {newest, second}
    assert all(map(bucket.is_whole, bucket.copies))
    assert shelf.plan().estimates["only_the_lock_of_this_host_guards"] == []


def test_where_nothing_is_due_nothing_is_written_either(shelf: Shelf) -> None:
    """Below an empty mount point, for one."""
    done = shelf.prune()

    assert done.sentence == "In local no copy went."
    assert shelf.settings.path is not None
    assert not shelf.settings.path.exists()


def test_whatever_takes_a_backup_has_ended_before_its_objects_count_as_garbage() -> None:
    longest = max(declaration(name).time_limit for name in ("backup now", "upgrade"))

    assert longest < GARBAGE_AFTER
    assert longest + timedelta(hours=1) < timedelta(hours=LEAST_GRACE_HOURS)
