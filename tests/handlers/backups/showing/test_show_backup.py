"""One copy is found by its job or its id, in every store that has it, and shown whole."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handlers.backups.repository import encode
from handlers.backups.showing import show_backup
from handlers.contract import JSON
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.age import Identity, key_id
from handlers.host.settings import KeySettings, StoreSettings
from tests.handlers.backups.conftest import Desk


def shown(desk: Desk, copy: str, *stores: StoreSettings) -> dict[str, JSON]:
    context, args = desk.context(*stores), show_backup.Args(copy)
    outcome = show_backup.run(context, args, show_backup.plan(context, args))
    found = outcome.facts["shown"]
    assert isinstance(found, dict)
    return found


def test_a_copy_is_shown_with_every_store_that_has_it(
    desk: Desk, s3_store_settings: StoreSettings
) -> None:
    recovery = Identity.generate().recipient
    desk.keys = KeySettings(recovery=(recovery,))
    snapshot_id = str(desk.back_up(desk.store, s3_store_settings).facts["snapshot"])

    found = shown(desk, "12", desk.store, s3_store_settings)

    assert found["id"] == snapshot_id
    assert found["sealed_to"] == [{"use": "recovery", "id": key_id(recovery)}]
    assert found["objects"] == 4
    stores = found["stores"]
    assert isinstance(stores, list)
    assert [each["name"] for each in stores if isinstance(each, dict)] == ["disk", "bucket"]
    assert all(each["verified_at"] for each in stores if isinstance(each, dict))
    database = found["postgresql"]
    assert isinstance(database, dict)
    assert isinstance(database["migrations"], int)
    assert found["uploads"] == {
        "files": 76,
        "bytes": _number(found["uploads"], "bytes"),
        "new_files": 76,
        "new_stored_bytes": _number(found["uploads"], "new_stored_bytes"),
        "earlier_copies": 0,
    }


def _number(table: JSON, name: str) -> int:
    assert isinstance(table, dict)
    value = table[name]
    assert isinstance(value, int)
    assert value > 0
    return value


def test_two_copies_of_one_job_are_told_apart_by_their_ids(desk: Desk) -> None:
    first, second = (str(desk.back_up().facts["snapshot"]) for _ in range(2))

    with pytest.raises(BadCommand) as refused:
        shown(desk, "12")

    assert refused.value.message == f"Job #12 made more than one copy: {second}, {first}."
    assert refused.value.hint == f"Name one of them: `backup show {second}`."
    assert shown(desk, first)["id"] == first
    assert shown(desk, second)["uploads"] == {
        **_table(shown(desk, first)["uploads"]),
        "new_files": 0,
        "new_stored_bytes": _number(shown(desk, second)["uploads"], "new_stored_bytes"),
        "earlier_copies": 1,
    }


def _table(value: JSON) -> dict[str, JSON]:
    assert isinstance(value, dict)
    return value


def test_a_store_that_cannot_be_read_hides_no_other(desk: Desk, tmp_path: Path) -> None:
    desk.back_up()
    broken = StoreSettings("broken", path=tmp_path / "file")
    (tmp_path / "file").write_text("no directory")

    found = shown(desk, "12", broken, desk.store)

    unreadable = found["unreadable"]
    assert isinstance(unreadable, list)
    assert [str(each).startswith("Store broken: ") for each in unreadable] == [True]
    with pytest.raises(HostFailure, match="No store that can be read has a copy `12`"):
        shown(desk, "12", broken)


def test_a_damaged_record_hides_no_other_and_is_told_when_it_is_asked_for(desk: Desk) -> None:
    first = str(desk.back_up().facts["snapshot"])
    second = str(desk.back_up().facts["snapshot"])
    (desk.directory / f"snapshots/{second}.json").write_text("{")

    assert shown(desk, "12")["id"] == first
    with pytest.raises(HostFailure, match="the commit record of") as failure:
        shown(desk, second)
    assert failure.value.reason is Reason.STORE_FAILED


def test_a_record_that_could_smuggle_a_command_in_is_no_copy_of_ours(desk: Desk) -> None:
    desk.keys = KeySettings(recovery=(Identity.generate().recipient,))
    snapshot_id = str(desk.back_up().facts["snapshot"])
    path = desk.directory / f"snapshots/{snapshot_id}.json"
    good = path.read_text()

    harms: tuple[Callable[[dict[str, Any]], None], ...] = (
        lambda record: record["sealing"].update(format="age-encryption.org/v2"),
        lambda record: record["sealing"]["keys"][0].update(id="x\nreboot"),
        lambda record: record["uploads"]["held_by"].update({"$(reboot)": 1}),
        lambda record: record.update(id="20261123T150200Z-0123abcd"),
        lambda record: record.update(id="; reboot"),
    )
    for harm in harms:
        record = json.loads(good)
        harm(record)
        path.write_bytes(encode(record))
        with pytest.raises(HostFailure, match=f"the commit record of {snapshot_id} is damaged"):
            shown(desk, snapshot_id)


def test_without_a_store_nothing_is_looked_for(desk: Desk) -> None:
    context = desk.context(StoreSettings("none", path=desk.directory))
    with pytest.raises(BadCommand, match="There is no copy of job #12 in any store"):
        show_backup.run(
            context, show_backup.Args("12"), show_backup.plan(context, show_backup.Args("12"))
        )
