"""The negative control: a drill of a damaged copy has to fail, or no drill proves anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.backups.drills import preflight
from handlers.backups.drills.choosing import choose
from handlers.backups.drills.control import Damage, must_fail
from handlers.backups.drills.drill import Args
from handlers.backups.drills.rehearsal import Rehearsal
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.drills.tampering import Tampered, with_flipped_bit
from handlers.backups.sealing.keys import Keys
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from tests.handlers.backups.conftest import Desk
from tests.handlers.backups.drills.conftest import Range


def test_drills_of_a_damaged_copy_fail_and_the_store_is_not_touched(
    desk: Desk, range_: Range
) -> None:
    desk.back_up()
    before = {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}

    outcome = range_.drill(Args(negative_control=True))

    noticed = outcome.facts["noticed"]
    assert isinstance(noticed, list)
    assert [each["damage"] for each in noticed if isinstance(each, dict)] == [
        "one bit flipped",
        "one object missing",
    ]
    assert "Drills fail when they have to" in outcome.sentence
    after = {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}
    assert after == before
    assert range_.is_clean()
    assert all(ok for _, ok in desk.journal.steps)


def test_a_drill_that_passes_although_it_must_not_is_broken(desk: Desk, range_: Range) -> None:
    desk.back_up()
    context = range_.context()
    snapshot = choose(context.stores, None, None).snapshot
    store = open_store(desk.store)
    rehearsal = Rehearsal(
        context,
        Copy(store, snapshot, Keys()),
        preflight.look(context.host, snapshot),
        complete=True,
    )
    # Nothing is damaged: a drill that noticed nothing would go like this.
    unharmed = Damage("step", "one bit flipped", "objects/x", Tampered(store))

    with pytest.raises(HostFailure, match="The drill itself is broken") as failure:
        must_fail(rehearsal, unharmed)

    assert failure.value.message.endswith("It passed.")
    assert failure.value.reason is Reason.BUG
    assert "broken_drill" in desk.journal.facts


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=6), st.data())
def test_exactly_one_bit_is_flipped_wherever_the_chunks_end(
    chunks: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(chunks)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))

    seen = b"".join(with_flipped_bit(iter(chunks), bit))

    different = int.from_bytes(whole) ^ int.from_bytes(seen)
    assert len(seen) == len(whole)
    assert different.bit_count() == 1


def test_what_is_tampered_with_is_only_read(desk: Desk) -> None:
    desk.back_up()
    store = open_store(desk.store)
    [first, *_] = [entry.key for entry in store.entries("objects/")]
    tampered = Tampered(store, flipped=first, gone=first)

    with pytest.raises(HostFailure, match="is only read while it is tampered with"):
        tampered.put("objects/x", b"x")
    with pytest.raises(HostFailure, match="is only read while it is tampered with"):
        tampered.delete(first)
    assert not tampered.exists(first)
    assert first not in [entry.key for entry in tampered.entries("objects/")]
    with pytest.raises(HostFailure, match="is missing"):
        tampered.get(first)
    assert store.exists(first)
