"""`backup verify`: each store has its own verdict, and what is damaged is noted where it lies."""

from pathlib import Path

import pytest

from handlers.backups import catalogue, take_backup
from handlers.backups.reading import verify_backup
from handlers.backups.standing import Standing
from handlers.contract import JSON, Outcome, Plan
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.age import Identity
from handlers.host.object_store import open_store
from handlers.host.settings import KeySettings, StoreSettings
from tests.handlers.backups.conftest import Desk


@pytest.fixture
def two(desk: Desk, tmp_path: Path) -> Desk:
    """Two stores, both directories."""
    desk.stores = (desk.store, StoreSettings(name="tape", path=tmp_path / "tape"))
    return desk


def plan(desk: Desk, copy: str, store: str | None = None) -> Plan:
    return verify_backup.plan(desk.context(), verify_backup.Args(copy, store))


def verify(desk: Desk, copy: str, store: str | None = None) -> Outcome:
    """As the runner does it: plan, then run."""
    return verify_backup.run(
        desk.context(), verify_backup.Args(copy, store), plan(desk, copy, store)
    )


def back_up(desk: Desk) -> str:
    return str(desk.back_up().facts["snapshot"])


def standing(store: StoreSettings) -> Standing:
    """Of the newest copy there."""
    return catalogue.list_snapshots(store)[0].standing


def damage(store: StoreSettings, pattern: str) -> Path:
    """Flip one bit in the middle of the first file of this name."""
    assert store.path is not None
    path = min(store.path.glob(pattern))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def stores_of(desk: Desk) -> dict[str, dict[str, JSON]]:
    facts = desk.journal.facts["stores"]
    assert isinstance(facts, list)
    return {str(each["name"]): each for each in facts if isinstance(each, dict)}


def test_every_store_that_has_the_copy_is_read(two: Desk) -> None:
    snapshot = back_up(two)
    before = [standing(each).verified_at for each in two.stores]

    outcome = verify(two, "12")

    assert outcome.sentence.startswith(
        f"Snapshot `{snapshot}` of job #12 is what was written. In disk it was read back whole (4"
        " objects, "
    )
    assert " In tape it was read back whole (4 objects, " in outcome.sentence
    assert outcome.state == "Nothing on the server was touched."
    assert outcome.next == f"backup show {snapshot}"
    after = [standing(each).verified_at for each in two.stores]
    assert all(new and old and new > old for new, old in zip(after, before, strict=True))
    assert stores_of(two)["tape"]["verified"] is True


def test_the_plan_names_what_is_read_and_where(two: Desk) -> None:
    snapshot = back_up(two)

    found = plan(two, "12")

    assert found.summary == (
        f"Read back every byte where it lies, in disk and tape: Snapshot `{snapshot}` of job #12."
    )
    assert found.binding["snapshot"] == snapshot
    assert found.binding["read_in"] == {each.name: str(each.path) for each in two.stores}
    assert " in disk, " in str(found.estimates["to_read"])
    assert all(each.holds for each in found.preconditions)


def test_one_store_alone_can_be_named(two: Desk) -> None:
    snapshot = back_up(two)
    before = standing(two.store).verified_at

    outcome = verify(two, snapshot, "tape")

    assert "In tape it was read back whole" in outcome.sentence
    assert "disk" not in outcome.sentence
    assert standing(two.store).verified_at == before


@pytest.mark.parametrize("stream", ["database", "index"])
def test_damage_in_one_store_is_told_noted_and_does_not_stop_the_other(
    two: Desk, stream: str
) -> None:
    snapshot = back_up(two)
    before = standing(two.stores[1]).verified_at
    path = damage(two.store, f"objects/*/{stream}-000001")

    with pytest.raises(HostFailure) as failure:
        verify(two, "12")

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert failure.value.message.startswith(
        f"Snapshot `{snapshot}` of job #12 is damaged in disk. In disk it is DAMAGED. Store disk:"
        f" objects/{snapshot}/{path.name} "
    )
    assert " In tape it was read back whole (4 objects, " in failure.value.message
    assert str(failure.value.hint).endswith("Until then rely on the copy in tape.")
    assert failure.value.state == "Nothing on the server was touched."
    assert standing(two.store).is_damaged
    assert not standing(two.store).is_verified
    there = standing(two.stores[1])
    assert there.verified_at
    assert before
    assert there.verified_at > before
    assert stores_of(two)["disk"]["damaged"] is True


def test_the_next_backup_does_not_rely_on_what_is_damaged(two: Desk) -> None:
    first = back_up(two)
    damage(two.store, "objects/*/uploads-000001")
    with pytest.raises(HostFailure):
        verify(two, "12")

    second = back_up(two)

    on_disk, on_tape = (catalogue.snapshot(each, second) for each in two.stores)
    assert set(on_disk.uploads.held_by) == {second}
    assert set(on_tape.uploads.held_by) == {first}


@pytest.mark.parametrize("kind", ["missing", "cut short"])
def test_an_object_that_is_missing_or_cut_short_is_damage(desk: Desk, kind: str) -> None:
    snapshot = back_up(desk)
    path = min(desk.directory.glob("objects/*/uploads-*"))
    path.write_bytes(path.read_bytes()[:-100])
    if kind == "missing":
        path.unlink()

    with pytest.raises(HostFailure, match=f"objects/{snapshot}/uploads-000001 is ") as failure:
        verify(desk, "12")

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert standing(desk.store).is_damaged


@pytest.mark.parametrize("asked_by", ["number", "id"])
def test_a_garbled_commit_record_in_one_store_is_not_passed_over(two: Desk, asked_by: str) -> None:
    snapshot = back_up(two)
    damage(two.stores[1], "snapshots/*.json")

    with pytest.raises(HostFailure) as failure:
        verify(two, "12" if asked_by == "number" else snapshot)

    assert f"Store tape: the commit record of {snapshot} is damaged" in failure.value.message
    assert "In disk it was read back whole" in failure.value.message
    notes = open_store(two.stores[1]).entries("damaged/")
    assert [each.key.split("/")[1] for each in notes] == [snapshot]


@pytest.mark.parametrize("kept", [0, 100])
def test_a_truncated_commit_record_is_found_by_its_id_though_no_other_store_has_it(
    desk: Desk, kept: int
) -> None:
    snapshot = back_up(desk)
    path = min(desk.directory.glob("snapshots/*.json"))
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(HostFailure) as failure:
        verify(desk, snapshot)

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert catalogue.list_snapshots(desk.store)[0].is_damaged
    assert list(open_store(desk.store).entries("damaged/"))


def test_damage_in_an_earlier_copy_is_noted_for_both(desk: Desk) -> None:
    first = back_up(desk)
    desk.host.add_uploads(1)
    second = back_up(desk)
    min(desk.directory.glob(f"objects/{first}/uploads-*")).unlink()

    with pytest.raises(HostFailure, match="later snapshots need it"):
        verify(desk, second)

    newest, earlier = catalogue.list_snapshots(desk.store)
    assert newest.standing.is_damaged
    assert earlier.standing.is_damaged


def test_a_copy_that_is_read_whole_again_is_damaged_no_more(desk: Desk) -> None:
    back_up(desk)
    path = min(desk.directory.glob("objects/*/database-*"))
    good = path.read_bytes()
    damage(desk.store, "objects/*/database-*")
    with pytest.raises(HostFailure):
        verify(desk, "12")
    path.write_bytes(good)

    verify(desk, "12")

    assert standing(desk.store).is_verified
    assert not standing(desk.store).is_damaged


def test_what_was_removed_while_it_is_read_is_not_called_damaged(desk: Desk) -> None:
    snapshot = back_up(desk)

    def remove(title: str) -> None:
        if title.startswith("Read the copy"):
            for path in (*desk.directory.glob("snapshots/*"), *desk.directory.glob("objects/*/*")):
                path.unlink()

    asked = plan(desk, "12")
    desk.journal.on_step = remove
    with pytest.raises(HostFailure, match=f"snapshot {snapshot} is no longer there") as failure:
        verify_backup.run(desk.context(), verify_backup.Args("12"), asked)

    assert failure.value.reason is Reason.STORE_FAILED
    assert list(open_store(desk.store).entries("damaged/")) == []


def test_without_a_key_the_stored_bytes_are_compared(desk: Desk) -> None:
    desk.keys = KeySettings(recovery=(Identity.generate().recipient,))
    back_up(desk)

    outcome = verify(desk, "12")

    assert "In disk every stored byte is what was written (4 objects, " in outcome.sentence
    assert outcome.sentence.endswith(
        "); its content was last read on 2026-11-23, since no key that opens it is on this host."
    )
    assert "Its stored bytes are compared with its commit record" in plan(desk, "12").summary
    assert standing(desk.store).compared_at is not None
    assert stores_of(desk)["disk"]["compared"] is True


@pytest.mark.parametrize("fits", [True, False])
def test_the_content_is_read_with_the_drill_key_and_with_no_other(
    desk: Desk, tmp_path: Path, fits: bool
) -> None:
    drill, path = Identity.generate(), tmp_path / "drill.key"
    path.write_text(f"{drill.text}\n")
    desk.keys = KeySettings((Identity.generate().recipient,), drill.recipient, path)
    back_up(desk)
    before = standing(desk.store).verified_at
    if not fits:
        path.write_text(f"{Identity.generate().text}\n")

    outcome = verify(desk, "12")

    assert ("it was read back whole" in outcome.sentence) is fits
    assert (standing(desk.store).verified_at != before) is fits
    if not fits:
        assert "no key that opens it is on this host" in outcome.sentence
        assert any("holds another key than" in said for said in desk.journal.outputs)


def test_one_flipped_bit_of_a_sealed_object_is_noticed_without_a_key(desk: Desk) -> None:
    desk.keys = KeySettings(recovery=(Identity.generate().recipient,))
    back_up(desk)
    damage(desk.store, "objects/*/configuration-*.age")

    with pytest.raises(HostFailure, match=r"configuration-000001\.age is not what was written"):
        verify(desk, "12")

    assert standing(desk.store).is_damaged


def test_a_copy_of_one_part_is_read_without_any_pg_restore(desk: Desk) -> None:
    context, args = desk.context(), take_backup.Args(only="config")
    made = take_backup.run(context, args, take_backup.plan(context, args))

    found = plan(desk, str(made.facts["snapshot"]))
    outcome = verify(desk, str(made.facts["snapshot"]))

    assert found.preconditions == ()
    assert "In disk it was read back whole (1 object, " in outcome.sentence


def test_a_store_whose_disk_is_not_there_has_failed_and_is_not_damaged(two: Desk) -> None:
    back_up(two)
    assert two.store.path is not None
    two.store.path.rename(two.store.path.with_name("unmounted"))

    with pytest.raises(HostFailure) as failure:
        verify(two, "12")

    assert failure.value.reason is Reason.STORE_FAILED
    assert "could not be read in disk. In disk it could NOT be read." in failure.value.message
    assert f"its directory {two.store.path} is missing" in failure.value.message
    assert "In tape it was read back whole" in failure.value.message
    assert not two.store.path.exists()


def test_a_store_without_the_copy_is_said_and_is_no_failure(two: Desk) -> None:
    two.back_up(two.store)
    two.back_up(two.stores[1])
    newest = catalogue.list_snapshots(two.stores[1])[0].id

    outcome = verify(two, newest)

    assert "disk has no such copy. In tape it was read back whole" in outcome.sentence


def test_what_is_not_there_is_refused_with_what_there_is(two: Desk) -> None:
    two.back_up(two.store)
    (two.store.path or Path()).with_name("tape").mkdir()
    snapshot = catalogue.list_snapshots(two.store)[0].id

    with pytest.raises(BadCommand, match=r"There is no copy of job #13 in any store\."):
        plan(two, "13")
    with pytest.raises(BadCommand, match="There is no copy `20200101T000000Z-00000000`"):
        plan(two, "20200101T000000Z-00000000")
    with pytest.raises(BadCommand, match=f"There is no copy {snapshot} in tape") as refused:
        plan(two, "12", "tape")
    assert refused.value.hint == f"`backup show {snapshot}` says where it lies."
    with pytest.raises(BadCommand, match="There is no store `moon`") as refused:
        plan(two, "12", "moon")
    assert "backup verify 12 --store disk" in str(refused.value.hint)


def test_a_note_that_cannot_be_written_is_said(desk: Desk) -> None:
    back_up(desk)
    damage(desk.store, "objects/*/database-*")

    def stand_in_the_way(title: str) -> None:
        if title.startswith("Read the copy"):
            (desk.directory / "damaged").write_text("where the directory of notes should be")

    desk.journal.on_step = stand_in_the_way

    with pytest.raises(HostFailure, match="could not be noted there, so later copies may rely"):
        verify(desk, "12")


def test_how_fast_it_goes_and_how_long_it_takes_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.backups.reading.rate.FIRST_SECONDS", 0.0)
    back_up(desk)
    desk.journal.said.clear()

    verify(desk, "12")

    assert any(
        sentence.startswith("Reading back from store disk") and total
        for sentence, _, total in desk.journal.said
    )
