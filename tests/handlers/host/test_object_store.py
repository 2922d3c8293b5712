"""Stores: what a directory and a bucket have in common, and where they differ."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from handlers.errors import HostFailure, Reason
from handlers.host import processes
from handlers.host.local_store import LocalStore
from handlers.host.object_store import S3Store, open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Entry, Store
from tests.fakes.faulty_s3 import FaultyS3
from tests.fakes.tcp_line import TcpLine

HOSTILE_KEYS = (
    *("", ".", "..", "../outside", "/etc/passwd", "a/../../outside", "a//b", "a/", "a/.hidden"),
    *("a\\b", "a\nb", "a\0b", "ä", "a/" + "x" * 200),
)


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "directory":
        return open_store(StoreSettings(name="disk", path=tmp_path / "copies"))
    return open_store(request.getfixturevalue("s3_store_settings"))


@pytest.fixture
def line(s3: S3Server) -> Iterator[TcpLine]:
    host, _, port = s3.endpoint.removeprefix("http://").partition(":")
    with TcpLine(host, int(port)) as line:
        yield line


def test_an_object_is_read_back_as_it_was_written(store: Store) -> None:
    data = os.urandom(3 * 1024 * 1024 + 17)

    store.put("objects/a/one", data)

    assert store.exists("objects/a/one")
    assert store.get("objects/a/one") == data
    assert b"".join(store.stream("objects/a/one")) == data


def test_nothing_is_ever_overwritten(store: Store) -> None:
    store.put("key", b"first")

    with pytest.raises(HostFailure, match="nothing is ever overwritten"):
        store.put("key", b"second")

    assert store.get("key") == b"first"


def test_only_what_lies_below_a_prefix_is_listed(store: Store) -> None:
    for key in ("a/2", "a/1", "a/deep/3", "ab/4"):
        store.put(key, key.encode())

    assert list(store.entries("a/")) == [Entry("a/1", 3), Entry("a/2", 3), Entry("a/deep/3", 8)]
    assert list(store.entries("nothing/")) == []


def test_a_missing_object_is_named(store: Store) -> None:
    assert not store.exists("a/b")

    with pytest.raises(HostFailure, match=f"Store {store.name}: a/b is missing.") as failure:
        store.get("a/b")

    assert failure.value.reason is Reason.STORE_FAILED


def test_a_deleted_object_is_gone_and_may_be_gone_already(store: Store) -> None:
    store.put("a/b", b"1")

    store.delete("a/b")
    store.delete("a/b")

    assert not store.exists("a/b")
    assert list(store.entries("a/")) == []


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_keys_cannot_lead_out_of_the_store(tmp_path: Path, key: str) -> None:
    store = LocalStore("disk", tmp_path / "copies")

    with pytest.raises(HostFailure):
        store.put(key, b"data")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("planted", ["a", "a/b"])
def test_a_planted_link_leads_nowhere(tmp_path: Path, planted: str) -> None:
    """A directory or an object that is a link to something of root's."""
    outside = tmp_path / "etc"
    outside.mkdir()
    (outside / "b").write_bytes(b"secret")
    root = tmp_path / "copies"
    link = root / planted
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if planted == "a" else outside / "b")
    store = LocalStore("disk", root)

    for use in (store.get, store.delete, store.exists, lambda key: store.put(key, b"x")):
        with pytest.raises(HostFailure) as refused:
            use("a/b")
        assert refused.value.reason is Reason.STORE_FAILED
    assert (outside / "b").read_bytes() == b"secret"


def test_a_store_answers_the_cheap_question(store: Store) -> None:
    store.check()


def test_files_and_directories_are_closed_to_others(tmp_path: Path) -> None:
    LocalStore("disk", tmp_path / "copies").put("a/b", b"1")

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"copies": 0o700, "a": 0o700, "b": 0o600}


def test_a_store_that_is_no_directory_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostFailure, match=r"could not be used: Not a directory\."):
        list(LocalStore("here", tmp_path / "file").entries("snapshots/"))


def test_of_many_writers_of_one_key_one_wins(tmp_path: Path) -> None:
    store = LocalStore("disk", tmp_path)
    won: list[bytes] = []

    def write(data: bytes) -> None:
        try:
            store.put("key", data)
        except HostFailure:
            return
        won.append(data)

    threads = [threading.Thread(target=write, args=(bytes([n]) * 1000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won == [store.get("key")]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_of_many_who_claim_one_key_at_once_one_is_told_so(store: Store) -> None:
    told: dict[bytes, bool] = {}
    ready = threading.Barrier(6)

    def claim(data: bytes) -> None:
        ready.wait()
        told[data] = store.claim("a/b", data)

    threads = [threading.Thread(target=claim, args=(bytes([n]) * 100,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [data for data, is_ours in told.items() if is_ours] == [store.get("a/b")]


def test_a_claim_whose_answer_was_lost_is_known_by_what_lies_there(
    s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    settings = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    store = S3Store(settings, patience=(0.1,))
    assert not store.exists("lease")
    line.break_answer_after(30)  # within the answer, after its "100 Continue"

    assert store.claim("lease", b"ours")
    assert not store.claim("lease", b"another's")
    assert store.get("lease") == b"ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path) -> None:
    store = LocalStore("disk", small_disk / "copies")
    store.put("a/kept", b"earlier")

    with pytest.raises(HostFailure) as failure:
        store.put("a/large", bytes(8 * 1024 * 1024))

    assert failure.value.reason is Reason.DISK_FULL
    assert list(store.entries("a/")) == [Entry("a/kept", 7)]
    assert [path.name for path in (small_disk / "copies/a").iterdir()] == ["kept"]


def test_a_download_that_breaks_off_is_taken_up_again(
    s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    data = os.urandom(5 * 1024 * 1024)
    open_store(s3_store_settings).put("large", data)
    far = open_store(replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}"))

    line.break_answer_after(2 * 1024 * 1024)

    assert far.get("large") == data
    assert line.connections == 2


def test_a_server_that_is_gone_fails_in_bounded_time(
    s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    settings = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    far = S3Store(settings, patience=(0.1, 0.2))
    line.cut_after(1024 * 1024)

    with pytest.raises(HostFailure) as failure:
        far.put("large", bytes(4 * 1024 * 1024))

    assert failure.value.reason is Reason.STORE_FAILED
    assert "Store bucket" in failure.value.message


def test_a_wrong_key_is_told_with_what_to_check(
    s3_store_settings: StoreSettings, tmp_path: Path
) -> None:
    wrong = tmp_path / "credentials"
    wrong.write_text("zulip-ops\nwrong\n")
    store = open_store(replace(s3_store_settings, credentials_file=wrong))

    with pytest.raises(HostFailure, match="answered 403") as failure:
        store.check()

    assert failure.value.hint is not None
    assert "credentials_file" in failure.value.hint


def test_a_missing_bucket_is_told(s3_store_settings: StoreSettings) -> None:
    store = open_store(replace(s3_store_settings, bucket="no-such-bucket"))

    with pytest.raises(HostFailure, match="there is no bucket no-such-bucket"):
        store.check()


@pytest.mark.parametrize("content", ["one", "one\ntwo\nthree\n", None])
def test_a_bad_credentials_file_is_told(
    s3_store_settings: StoreSettings, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "credentials"
    if content is not None:
        file.write_text(content)

    with pytest.raises(HostFailure) as failure:
        open_store(replace(s3_store_settings, credentials_file=file)).check()

    assert failure.value.reason is Reason.NOT_CONFIGURED
    assert str(file) in failure.value.message


@pytest.mark.parametrize("both", [True, False])
def test_a_store_is_either_a_directory_or_a_bucket(tmp_path: Path, both: bool) -> None:
    settings = StoreSettings(
        name="x", path=tmp_path if both else None, bucket="b" if both else None
    )

    with pytest.raises(HostFailure, match="either `path` or `bucket`"):
        open_store(settings)


def test_free_space_of_a_directory_that_is_not_made_yet(tmp_path: Path) -> None:
    free = LocalStore("disk", tmp_path / "not" / "yet").free_bytes()

    assert free
    assert not (tmp_path / "not").exists()


def test_a_bucket_that_locks_its_objects_is_sent_a_checksum(tmp_path: Path) -> None:
    """It takes nothing without one; any other bucket is spared it."""
    with FaultyS3() as faulty:
        store = S3Store(replace(faulty.store_settings("locked", "a", tmp_path), bucket="locked"))
        store.request("create_bucket", ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        store.request("put_object_lock_configuration", ObjectLockConfiguration=lock)

        store.put("objects/a", b"first")
        store.put("objects/b", b"second")

        assert store.get("objects/b") == b"second"
        with pytest.raises(HostFailure, match="nothing is ever overwritten"):
            store.put("objects/a", b"other")


def test_what_a_bucket_answers_is_told_as_it_is(s3_store_settings: StoreSettings) -> None:
    store = S3Store(s3_store_settings)

    good = store.request("put_object", "a/b", Body=b"1")
    refused = store.request("put_object", "a/b", Body=b"2", IfNoneMatch="*")

    assert (good.status, good.code, good.failure) == (200, "", None)
    assert (refused.status, refused.code) == (412, "PreconditionFailed")
    assert isinstance(refused.failure, HostFailure)
    assert store.get("a/b") == b"1"


def test_importing_the_door_does_not_import_boto3() -> None:
    code = "import sys, handlers.host.object_store; sys.exit('boto3' in sys.modules)"
    processes.run((sys.executable, "-c", code), timeout=timedelta(seconds=30), directory=Path.cwd())
