"""A drill restores a copy for real, and says what that proved and what it did not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups import take_backup
from handlers.backups.drills import evidence, preflight
from handlers.backups.drills.choosing import choose
from handlers.backups.drills.drill import Args
from handlers.backups.drills.evidence import QUICK, Trend, trend
from handlers.backups.drills.findings import Phase
from handlers.backups.drills.rehearsal import Rehearsal, rehearse
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import commit_record, from_json
from handlers.backups.sealing.keys import Keys
from handlers.backups.standing import Note, add_note
from handlers.contract import Outcome
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.age import Identity, key_id
from handlers.host.object_store import open_store
from handlers.host.settings import KeySettings, StoreSettings
from tests.conftest import Clusters
from tests.handlers.backups.conftest import Desk
from tests.handlers.backups.drills.conftest import Range, objects_below

COMPLETE = Args(complete=True)


def shown(outcome: Outcome) -> dict[str, Any]:
    found = outcome.facts["shown"]
    assert isinstance(found, dict)
    return found


def test_a_copy_is_proven_by_a_quick_drill_and_nothing_else_changes(
    desk: Desk, range_: Range
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])
    before = objects_below(desk.directory)
    desk.clock.move(timedelta(hours=8))

    outcome = range_.drill()

    assert range_.standing(snapshot).is_proven
    assert f"Copy `{snapshot}` in disk is proven" in outcome.sentence
    assert "nothing on the server was changed" in outcome.state
    found = shown(outcome)
    assert "76 uploads drawn by lot are what was copied." in found["checked"]
    assert any(each.startswith("Each row was not read") for each in found["not_checked"])
    # What would be lost is all since the moment of the copy.
    assert 8 * 3600 <= found["rpo_seconds"] < 8 * 3600 + 60
    assert objects_below(desk.directory) == before
    assert range_.is_clean()
    assert [title for title, ok in desk.journal.steps if ok][-5:] == list(range_.plan().steps)


def test_the_evidence_lies_in_the_store_and_later_drills_are_held_to_it(
    desk: Desk, range_: Range
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])

    first = shown(range_.drill())

    [note] = (desk.directory / "proven" / snapshot).iterdir()
    record = json.loads(note.read_text())
    assert record.items() >= {k: v for k, v in first.items() if k != "trend"}.items()
    assert record["outcome"] == "proven"
    assert set(record["seconds"]) == {each.value for each in Phase}
    assert record["rto_seconds"] == pytest.approx(
        record["seconds"]["fetch"] + record["seconds"]["restore"], abs=0.01
    )
    assert record["facts"]["newest_message"]["id"] == 300
    assert first["trend"] == {"rto_seconds": [], "seconds": {}}
    store = open_store(desk.store)
    assert trend(store, QUICK) == Trend((first["rto_seconds"],), first["seconds"])
    assert trend(store, evidence.COMPLETE) == Trend((), {})


@pytest.mark.parametrize("major", [15, 18])
def test_a_complete_drill_reads_everything(
    make_desk: Callable[[PostgresCluster], Desk], clusters: Clusters, major: int
) -> None:
    desk = make_desk(clusters.of(major))
    desk.back_up()
    desk.host.add_uploads(3)
    second = str(desk.back_up().facts["snapshot"])
    range_ = Range(desk)

    found = shown(range_.drill(COMPLETE))

    assert range_.standing(second).is_proven
    assert "pg_dump read every row of it." in found["checked"]
    assert "All 79 uploads were taken out and are what was copied." in found["checked"]
    by_page = any("pg_amcheck went through" in each for each in found["checked"])
    assert by_page != any("amcheck is not installed" in each for each in found["not_checked"])
    assert range_.is_clean()


def test_without_room_for_a_file_it_is_restored_as_it_comes(desk: Desk, range_: Range) -> None:
    desk.back_up()
    context = range_.context()
    snapshot = choose(context.stores, None, None).snapshot
    ready = replace(preflight.look(context.host, snapshot), as_file=False)
    rehearsal = Rehearsal(
        context, Copy(open_store(desk.store), snapshot, Keys()), ready, complete=True
    )

    rehearse(rehearsal)

    assert "pg_dump read every row of it." in rehearsal.findings.checked
    assert range_.is_clean()


def test_stores_that_hold_the_same_copy_take_turns(
    desk: Desk, range_: Range, s3_store_settings: StoreSettings
) -> None:
    both = (desk.store, s3_store_settings)
    snapshot = str(desk.back_up(*both).facts["snapshot"])
    chosen = []

    for kind in (Note.PROVEN, Note.REFUTED, Note.PROVEN):
        [store] = [s for s in both if s.name == range_.plan(Args(), *both).binding["store"]]
        chosen.append(store.name)
        add_note(open_store(store), kind, snapshot, desk.clock.now(), {})

    assert chosen == ["disk", "bucket", "disk"]


def test_a_copy_and_a_store_can_be_named(
    desk: Desk, range_: Range, s3_store_settings: StoreSettings
) -> None:
    both = (desk.store, s3_store_settings)
    first = str(desk.back_up(*both).facts["snapshot"])
    desk.back_up(*both)

    plan = range_.plan(Args(copy=first, store="bucket"), *both)

    assert plan.binding["copy"] == first
    assert plan.binding["store"] == "bucket"
    with pytest.raises(BadCommand, match="There is no store `tape`"):
        range_.plan(Args(store="tape"), *both)


def test_without_a_verified_copy_there_is_nothing_to_drill(desk: Desk, range_: Range) -> None:
    with pytest.raises(BadCommand, match="no verified copy in disk") as refusal:
        range_.plan()
    assert refusal.value.hint == "Take one with `backup now`."


def test_a_sealed_copy_is_opened_with_the_drill_key(desk: Desk, range_: Range) -> None:
    drill_key = desk.host.root.with_name("drill.key")
    identity = Identity.generate()
    drill_key.write_text(identity.text)
    desk.keys = KeySettings(
        recovery=(Identity.generate().recipient,),
        drill=identity.recipient,
        drill_identity_file=drill_key,
    )
    snapshot = str(desk.back_up().facts["snapshot"])

    range_.drill(COMPLETE)

    assert range_.standing(snapshot).is_proven
    drill_key.unlink()
    with pytest.raises(HostFailure, match="no key that opens it is on this host") as refusal:
        range_.plan()
    assert "Put the secret of that drill key here" in (refusal.value.hint or "")


def test_without_a_drill_key_it_is_told_how_to_make_one(desk: Desk, range_: Range) -> None:
    recovery = Identity.generate().recipient
    desk.keys = KeySettings(recovery=(recovery,))
    desk.back_up()

    with pytest.raises(HostFailure) as refusal:
        range_.plan()

    assert refusal.value.reason is Reason.NOT_CONFIGURED
    assert f"is sealed to the recovery key `{key_id(recovery)}`" in refusal.value.message
    assert "`age-keygen -o /etc/zulip-ops/drill.key`" in (refusal.value.hint or "")


def test_the_plan_says_what_it_takes_and_where(desk: Desk, range_: Range) -> None:
    desk.back_up()

    plan = range_.plan()

    assert "Zulip is not started on it." in plan.summary
    assert [each.holds for each in plan.preconditions] == [True, True]
    assert "the drill needs" in plan.preconditions[1].sentence
    assert isinstance(plan.estimates["disk_bytes"], int)
    assert plan.binding["form"] == "quick"
    assert not range_.directory.exists()


def test_uploads_in_s3_are_said_not_to_be_checked(desk: Desk, range_: Range) -> None:
    settings = desk.host.layout.settings_file
    local = 'LOCAL_UPLOADS_DIR = "/home/zulip/uploads"'
    assert local in settings.read_text()
    settings.write_text(settings.read_text().replace(local, 'S3_AUTH_UPLOADS_BUCKET = "up"'))
    desk.back_up()

    evidence = shown(range_.drill())

    assert "Uploads that Zulip keeps in S3 are not in the copy." in evidence["not_checked"]


def test_what_was_not_on_the_server_is_told_and_what_was_lost_since_refutes_it(
    desk: Desk, range_: Range
) -> None:
    for path in sorted((desk.host.layout.uploads / "files").rglob("*.png"))[:3]:
        path.unlink()
    snapshot = str(desk.back_up().facts["snapshot"])

    checked = shown(range_.drill())["checked"]

    [told] = [each for each in checked if "files that the database names" in each]
    assert told.endswith("3 are not in the copy: they were not on the server either.")
    record = desk.directory / "snapshots" / f"{snapshot}.json"
    content = json.loads(record.read_text())
    content["named_files"] |= {"missing": 2}
    record.write_bytes(commit_record(from_json(content)))
    with pytest.raises(HostFailure, match="The database names files that are not in the copy"):
        range_.drill()
    assert not range_.standing(snapshot).is_proven


def test_a_copy_of_one_part_is_not_drilled(desk: Desk, range_: Range) -> None:
    context = desk.context()
    args = take_backup.Args(only="database")
    part = take_backup.run(context, args, take_backup.plan(context, args)).facts["snapshot"]

    with pytest.raises(BadCommand, match="There is no verified copy in disk"):
        range_.plan()
    with pytest.raises(BadCommand, match="a drill needs a whole copy"):
        range_.plan(Args(copy=str(part)))


def test_complete_and_the_negative_control_exclude_each_other(range_: Range) -> None:
    with pytest.raises(BadCommand, match="without `--complete`"):
        range_.plan(Args(complete=True, negative_control=True))
