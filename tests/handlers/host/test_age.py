"""The door to age, held against the real program where it is installed."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.errors import HostFailure, Reason
from handlers.host import age, processes
from handlers.host.age import CannotOpen, Identity

LIMIT = timedelta(seconds=30)
LONG = bytes(range(256)) * 1024
NEEDS_AGE = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


def opened(sealed: bytes | bytearray, *identities: Identity) -> bytes:
    found = bytearray()
    age.open_sealed((bytes(sealed),), identities, found.extend)
    return bytes(found)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=200_000), max_size=5))
def test_every_recipient_opens_what_was_sealed(pieces: list[bytes]) -> None:
    keys = [Identity.generate() for _ in range(3)]

    sealed = age.seal(pieces, [each.recipient for each in keys])

    assert all(opened(sealed, each) == b"".join(pieces) for each in keys)


@NEEDS_AGE
def test_the_real_program_opens_it_and_is_opened(tmp_path: Path) -> None:
    key, file = tmp_path / "key", tmp_path / "file"
    processes.run(("age-keygen", "-o", str(key)), timeout=LIMIT)
    identity = Identity.read(key)
    said = processes.run(("age-keygen", "-y", str(key)), timeout=LIMIT).output.strip()
    file.write_bytes(age.seal((LONG,), (identity.recipient,)))
    (tmp_path / "plain").write_bytes(LONG)

    back, there = str(tmp_path / "back"), str(tmp_path / "there")
    processes.run(("age", "-d", "-i", str(key), "-o", back, str(file)), timeout=LIMIT)
    argv = ("age", "-r", identity.recipient, "-o", there, str(tmp_path / "plain"))
    processes.run(argv, timeout=LIMIT)

    assert identity.recipient == said
    assert Path(back).read_bytes() == LONG
    assert opened(Path(there).read_bytes(), identity) == LONG


@NEEDS_AGE
def test_the_id_of_a_key_can_be_made_by_hand(tmp_path: Path) -> None:
    key = tmp_path / "key"
    processes.run(("age-keygen", "-o", str(key)), timeout=LIMIT)
    command = "age-keygen -y \"$1\" | tr -d '\\n' | sha256sum | cut -c 1-16"
    said = processes.run(("sh", "-c", command, "sh", str(key)), timeout=LIMIT).output.strip()

    assert said == age.key_id(Identity.read(key).recipient)


@pytest.mark.parametrize("place", [0, 40, 150, 300, 100_000, -1])
def test_one_changed_byte_is_noticed(place: int) -> None:
    identity = Identity.generate()
    sealed = age.seal((LONG,), (identity.recipient,))
    sealed[place] ^= 1

    with pytest.raises(CannotOpen):
        opened(sealed, identity)


@pytest.mark.parametrize("rest", [0, 10, 200, 65_736, -1, -17])
def test_what_was_cut_short_is_noticed(rest: int) -> None:
    identity = Identity.generate()
    sealed = age.seal((LONG,), (identity.recipient,))

    with pytest.raises(CannotOpen):
        opened(sealed[:rest], identity)


def test_another_key_does_not_open_it() -> None:
    sealed = age.seal((LONG,), (Identity.generate().recipient,))

    with pytest.raises(CannotOpen):
        opened(sealed, Identity.generate())


def test_a_source_that_breaks_is_told_as_it_is() -> None:
    identity = Identity.generate()

    def broken(data: bytes) -> Iterator[bytes]:
        yield data[:70_000]
        raise HostFailure("The store is gone.")

    with pytest.raises(HostFailure, match="The store is gone"):
        age.seal(broken(LONG), (identity.recipient,))
    sealed = bytes(age.seal((LONG,), (identity.recipient,)))
    with pytest.raises(HostFailure, match="The store is gone"):
        age.open_sealed(broken(sealed), (identity,), lambda _: None)


def test_a_reader_that_breaks_is_told_as_it_is() -> None:
    identity = Identity.generate()
    sealed = bytes(age.seal((LONG,), (identity.recipient,)))

    def broken(_piece: bytes) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        age.open_sealed((sealed,), (identity,), broken)


def test_no_identity_says_its_secret_by_accident() -> None:
    identity = Identity.generate()

    assert identity.text.startswith("AGE-SECRET-KEY-1")
    assert identity.text not in f"{identity} {identity!r} {vars(identity)}"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "does not hold one secret key and nothing else"),
        ("# only a comment\n", "does not hold one secret key and nothing else"),
        ("one\ntwo\n", "does not hold one secret key and nothing else"),
        ("AGE-SECRET-KEY-1NONSENSE\n", "does not hold a secret key that age understands"),
    ],
)
def test_a_file_without_a_key_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)

    with pytest.raises(HostFailure, match=sentence) as failure:
        Identity.read(path)

    assert failure.value.reason is Reason.NOT_CONFIGURED
    assert "NONSENSE" not in failure.value.message


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HostFailure, match="cannot be read: No such file or directory"):
        Identity.read(tmp_path / "key")
