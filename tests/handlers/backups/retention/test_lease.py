"""The lease of a store: one holder at a time, on whatever host."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.backups.retention import lease as leases
from handlers.backups.retention.lease import Lease, heeds_conditions, lease
from handlers.errors import HostFailure, Reason, Refused
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Store
from tests.handlers.backups.retention.conftest import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "directory":
        return open_store(StoreSettings(name="disk", path=tmp_path / "copies"))
    found = open_store(request.getfixturevalue("s3_store_settings"))
    found.put("probes/20261125T120000Z.json", b'{"conditional_writes": true}')
    return found


def test_who_has_it_is_told_to_everybody_else(store: Store, clock: FixedClock) -> None:
    with lease(store, 12, clock), pytest.raises(Refused) as refused, lease(store, 13, clock):
        pass

    assert refused.value.reason is Reason.BUSY
    assert "job #12, perhaps of another host, is removing copies there until 2026-11-25 13:00" in (
        refused.value.message
    )


def test_it_is_free_once_it_was_given_back_or_is_over(store: Store, clock: FixedClock) -> None:
    with lease(store, 12, clock):
        pass
    Lease(store, 13, clock).take()
    clock.at += timedelta(minutes=31)

    with lease(store, 14, clock):
        pass

    assert len(list(store.entries("leases/"))) == 1


def test_of_many_who_want_it_at_once_one_has_it(store: Store, clock: FixedClock) -> None:
    won: list[int] = []
    ready = threading.Barrier(6)

    def want(job: int) -> None:
        ready.wait()
        try:
            Lease(store, job, clock).take()
        except Refused:
            return
        won.append(job)

    threads = [threading.Thread(target=want, args=(job,)) for job in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1


def test_a_number_that_was_given_back_meanwhile_gives_nothing(
    tmp_path: Path, clock: FixedClock
) -> None:
    store = open_store(StoreSettings(name="disk", path=tmp_path))
    for job in (1, 2):
        with lease(store, job, clock):
            pass
    late = Lease(store, 3, clock)

    with pytest.raises(Refused):
        late._write(1, clock.at)  # as if it had looked before the others came

    with lease(store, 4, clock):
        pass


def test_a_lease_that_somebody_else_took_over_stops_what_goes_on(
    store: Store, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOOK_EVERY", timedelta(0))
    held = Lease(store, 12, clock)
    held.take()
    held.check()
    clock.at += timedelta(hours=1)
    Lease(store, 13, clock).take()

    with pytest.raises(HostFailure, match="the lease ended while copies were removed"):
        held.check()


def test_a_lease_is_taken_anew_in_time(
    store: Store, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOOK_EVERY", timedelta(0))
    held = Lease(store, 12, clock)
    held.take()
    first = held.number
    held._taken -= timedelta(minutes=20).total_seconds()

    held.check()

    assert held.number == first + 1


@pytest.mark.parametrize(
    ("note", "heeds"),
    [
        (None, False),
        (b'{"conditional_writes": true}', True),
        (b'{"conditional_writes": false}', False),
        (b"[]", False),
        (b"no JSON", False),
    ],
)
def test_a_bucket_is_trusted_once_a_probe_has_tried_it(
    s3_store_settings: StoreSettings, note: bytes | None, heeds: bool, clock: FixedClock
) -> None:
    store = open_store(s3_store_settings)
    if note is not None:
        store.put("probes/20261125T120000Z.json", note)

    assert heeds_conditions(store) is heeds
    with lease(store, 12, clock) as held:
        assert (held is not None) is heeds


def test_a_lease_that_cannot_be_read_is_nobodys(tmp_path: Path, clock: FixedClock) -> None:
    store = open_store(StoreSettings(name="disk", path=tmp_path))
    store.put("leases/000000000007.json", b"no JSON")

    with lease(store, 12, clock) as held:
        assert held is not None
        assert held.number == 8
