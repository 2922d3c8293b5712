"""Streams on their way to the stores: objects, budget, and several stores at once."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.backups.fan_out import FanOut
from handlers.backups.reading.read_back import ReadBack
from handlers.backups.streams import ObjectWriter, plain_of
from handlers.errors import Cancelled, HostFailure
from tests.fakes.slow_store import SlowStore

MEBIBYTE = 1024 * 1024
ID = "20261123T150200Z-0123abcd"


def ready_store(name: str = "one", refused: str = "nothing") -> SlowStore:
    store = SlowStore(name, refused=refused)
    store.go.set()
    return store


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_what_is_written_is_what_is_read_back(pieces: list[bytes]) -> None:
    store = ready_store()
    with FanOut([store]) as fan_out:
        writer = ObjectWriter(ID, "database", fan_out, fan_out.destinations)
        for piece in pieces:
            writer.write(piece)
        record = writer.close("anything")
        fan_out.drain()

    [destination] = fan_out.destinations
    arrivals = destination.arrivals["database"]
    back = ReadBack(store, arrivals, lambda _: None, threading.Event())
    plain = b"".join(back.plain())

    assert plain == b"".join(pieces)
    assert record.plain_bytes == len(plain)
    assert len(record.objects) == 1


@pytest.mark.parametrize("share", [1.0, 0.3], ids=["incompressible", "compressible"])
def test_objects_are_between_16_and_32_mebibytes_and_each_is_whole(share: float) -> None:
    store, lot = ready_store(), random.Random(1)
    with FanOut([store]) as fan_out:
        writer = ObjectWriter(ID, "uploads", fan_out, fan_out.destinations)
        for _ in range(round(50 / share)):
            noise = lot.randbytes(int(MEBIBYTE * share))
            writer.write(noise + bytes(MEBIBYTE - len(noise)))
        record = writer.close("anything")
        fan_out.drain()

    *whole, rest = [each.bytes for each in record.objects]
    assert whole
    assert all(16 * MEBIBYTE <= size <= 32 * MEBIBYTE for size in whole)
    assert rest <= 32 * MEBIBYTE
    sizes = [sum(map(len, plain_of([store.objects[each.key]]))) for each in record.objects]
    assert sum(sizes) == record.plain_bytes


def test_a_store_that_is_behind_makes_the_source_wait() -> None:
    store = SlowStore("slow")
    sent: list[int] = []

    def send(fan_out: FanOut) -> None:
        for number in range(8):
            fan_out.send(f"objects/{ID}/uploads-{number}", bytes(MEBIBYTE), fan_out.destinations)
            sent.append(number)

    with ThreadPoolExecutor(1) as threads, FanOut([store], budget_bytes=3 * MEBIBYTE) as fan_out:
        sending = threads.submit(send, fan_out)
        with pytest.raises(TimeoutError):
            sending.result(timeout=0.3)
        assert len(sent) == 3
        store.go.set()
        sending.result(timeout=10)
        fan_out.drain()

    assert len(store.objects) == 8


def test_who_waits_for_a_store_is_told_when_it_all_ends() -> None:
    store = SlowStore("slow")

    def send(fan_out: FanOut) -> None:
        for number in range(4):
            fan_out.send(f"objects/{ID}/uploads-{number}", bytes(MEBIBYTE), fan_out.destinations)

    with ThreadPoolExecutor(1) as threads, FanOut([store], budget_bytes=MEBIBYTE) as fan_out:
        sending = threads.submit(send, fan_out)
        with pytest.raises(TimeoutError):
            sending.result(timeout=0.2)
        fan_out.stop()
        with pytest.raises(Cancelled):
            sending.result(timeout=10)
        store.go.set()


def test_a_store_that_refuses_is_left_and_the_other_gets_everything() -> None:
    good, bad = ready_store("good"), ready_store("bad", refused="-000002")
    with FanOut([good, bad]) as fan_out:
        for number in range(1, 6):
            key = f"objects/{ID}/uploads-{number:06d}"
            fan_out.send(key, b"data", fan_out.destinations)
            fan_out.drain()

        usable = [each.store.name for each in fan_out.usable]
        [failed] = [each for each in fan_out.destinations if not each.is_usable]

    assert usable == ["good"]
    assert len(good.objects) == 5
    assert list(bad.objects) == [f"objects/{ID}/uploads-000001"]
    assert failed.failure is not None
    assert failed.sent_keys == [f"objects/{ID}/uploads-{n:06d}" for n in (1, 2)]


def test_without_any_store_left_the_source_ends() -> None:
    bad = ready_store("bad", refused="-1")
    with FanOut([bad]) as fan_out:
        fan_out.send(f"objects/{ID}/uploads-1", b"data", fan_out.destinations)
        fan_out.drain()
        with pytest.raises(HostFailure, match="Store bad refuses"):
            fan_out.send(f"objects/{ID}/uploads-2", b"data", fan_out.destinations)


def test_a_stream_of_nothing_is_one_object_that_can_be_read() -> None:
    store = ready_store()
    with FanOut([store]) as fan_out:
        record = ObjectWriter(ID, "database", fan_out, fan_out.destinations).close("anything")
        fan_out.drain()

    assert len(record.objects) == 1
    assert b"".join(plain_of([store.objects[record.objects[0].key]])) == b""
