"""The door to age: seals streams to public keys, opens them with secret ones, and reads both."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import pyrage

from handlers.errors import HostFailure, Reason

#: The first line of everything that age writes.
FORMAT = "age-encryption.org/v1"
_RECIPIENT = "age1"
_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 (how a secret key begins)
_ID_CHARACTERS = 16
#: What a file may hold beside a key: a few comments.
_LARGEST_FILE_BYTES = 16 * 1024
#: What age opens comes in pieces of 8 KiB, which are gathered.
GATHERED_BYTES = 256 * 1024
#: age keeps the interpreter while it works; after so many bytes other threads get their turn,
#: which they would otherwise wait 5 ms for.
TURN_BYTES = 64 * 1024


class CannotOpen(Exception):
    """Cut short, changed, or not sealed to any of these keys: age does not tell them apart."""


class Identity:
    """A secret key. Nothing here says it but `text`, and that is for a file of its own."""

    def __init__(self, key: "pyrage.x25519.Identity") -> None:
        self._key = key
        #: The public key that belongs to it.
        self.recipient = str(key.to_public())

    @classmethod
    def generate(cls) -> Self:
        """A new one, in memory alone."""
        return cls(pyrage.x25519.Identity.generate())

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file as `age-keygen` writes it; HostFailure where there is none."""
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST_FILE_BYTES).decode(errors="replace")
        except OSError as error:
            raise _no_key(path, f"cannot be read: {error.strerror}") from None
        lines = [line.strip() for line in text.splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        if len(keys) != 1:
            raise _no_key(path, "does not hold one secret key and nothing else")
        try:
            return cls(pyrage.x25519.Identity.from_str(keys[0]))
        except pyrage.IdentityError:
            raise _no_key(path, "does not hold a secret key that age understands") from None

    @property
    def text(self) -> str:
        """The secret itself, as it stands in a file."""
        return str(self._key)

    def __repr__(self) -> str:
        return f"<identity {key_id(self.recipient)}>"


def key_id(recipient: str) -> str:
    """What a key is called: the beginning of the SHA-256 of its public text.

    By hand: `age-keygen -y FILE | tr -d '\\n' | sha256sum | cut -c 1-16`.
    """
    return hashlib.sha256(recipient.encode()).hexdigest()[:_ID_CHARACTERS]


def why_no_recipient(text: str) -> str | None:
    """Why nothing can be sealed to it, without repeating what may be secret; None: it can."""
    if text.strip().upper().startswith(_SECRET):
        return (
            "is a secret key, which must never lie on this host. Make a new pair with"
            " `age-keygen` on another machine, and write only its public key (age1...) here"
        )
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        shown = text if text.startswith(_RECIPIENT) else "it"
        return f"is no public key of age: {shown} should be age1 and 58 letters and digits"
    return None


def seal(source: Iterable[bytes | bytearray], recipients: Sequence[str]) -> bytearray:
    """One whole file of age, which each of these keys opens.

    Whatever `source` raises is raised here.
    """
    keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    reader, sealed = _Reader(source), bytearray()
    try:
        pyrage.encrypt_io(reader, _Writer(sealed.extend), keys)
    except (pyrage.EncryptError, OSError):
        if reader.failure is None:
            raise
        raise reader.failure from None
    return sealed


def sealed_text(data: bytes, recipient: str) -> list[str]:
    """The lines between the first and the last of a file of age that is text, to be copied."""
    key = pyrage.x25519.Recipient.from_str(recipient)
    text: str = pyrage.encrypt(data, [key], armored=True).decode("ascii")
    return text.splitlines()[1:-1]


def open_sealed(
    source: Iterable[bytes], identities: Sequence[Identity], write: Callable[[bytes], None]
) -> None:
    """Hand on what one whole file of age holds; each piece is authenticated before it is.

    Raises CannotOpen, and whatever `source` or `write` raise.
    """
    reader, pieces = _Reader(source), bytearray()

    def gather(piece: bytes) -> None:
        pieces.extend(piece)
        if len(pieces) >= GATHERED_BYTES:
            write(bytes(pieces))
            pieces.clear()

    writer = _Writer(gather)
    try:
        # Its own attribute, since the wrapper must not lend the secret to anybody else.
        pyrage.decrypt_io(reader, writer, [each._key for each in identities])
    except (pyrage.DecryptError, OSError) as error:
        failure = reader.failure or writer.failure
        raise failure or CannotOpen(str(error)) from None
    if pieces:
        write(bytes(pieces))


class _Reader:
    """A file for age to read from."""

    def __init__(self, source: Iterable[bytes | bytearray]) -> None:
        self._source = iter(source)
        self._rest = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._rest:
                chunk = next(self._source, None)
                if chunk is None:
                    return b""
                self._rest = memoryview(chunk)
        except BaseException as failure:
            # age makes a text of it; who called wants the failure itself.
            self.failure = failure
            raise
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


class _Writer:
    """A file for age to write to."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._since_turn = 0
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        self._since_turn += len(data)
        if self._since_turn >= TURN_BYTES:
            self._since_turn = 0
            time.sleep(0)
        try:
            self._write(data)
        except BaseException as failure:
            self.failure = failure
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _no_key(path: Path, why: str) -> HostFailure:
    return HostFailure(
        f"The key file {path} {why}.",
        reason=Reason.NOT_CONFIGURED,
        hint="It is a file as `age-keygen -o` writes it, of root and mode 0600.",
    )
