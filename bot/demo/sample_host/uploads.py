"""Uploaded files of the sample host, the same for the same seed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

from handlers.host.layout import Layout

_NAMES = ("graph.png", "notes.txt", "meeting-minutes.pdf", "graph-üß.png", "build.log", "IMG_1.jpg")
#: Most files are small and a few are large.
_SPREAD = 1.4
_LARGEST_BYTES = 8 * 1024 * 1024
_PRINTABLE = (".txt", ".log")
_AVATAR_FORMS = (".png", "-medium.png", ".original")
_AVATAR_BYTES = 3000


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as `zerver_attachment` knows it."""

    #: Below `files/`: realm, two hexadecimal digits, a random word, the name.
    path_id: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides about the files that are made."""

    seed: int
    realm: int = 2
    median_bytes: int = 8 * 1024


def make_uploads(layout: Layout, recipe: Recipe, numbers: range) -> list[Upload]:
    """Write the uploads with these numbers; the same number always gives the same file."""
    return [_write_upload(layout, recipe, number) for number in numbers]


def make_avatars(layout: Layout, recipe: Recipe, count: int) -> None:
    """Write the three forms of each person's avatar."""
    directory = layout.uploads / "avatars" / str(recipe.realm)
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        digest = _digest(recipe, f"avatar {number}")
        for form in _AVATAR_FORMS:
            (directory / f"{digest[:40]}{form}").write_bytes(
                _noise(f"{digest}{form}", _AVATAR_BYTES)
            )


def _write_upload(layout: Layout, recipe: Recipe, number: int) -> Upload:
    digest = _digest(recipe, f"upload {number}")
    name = _NAMES[number % len(_NAMES)]
    path_id = f"{recipe.realm}/{digest[:2]}/{digest[2:26]}/{name}"
    path = layout.uploads / "files" / path_id
    path.parent.mkdir(parents=True, exist_ok=True)
    content = _content(digest, name, _size(digest, recipe.median_bytes))
    path.write_bytes(content)
    return Upload(path_id, name, len(content))


def _size(digest: str, median_bytes: int) -> int:
    """Log-normal, as sizes of uploads are."""
    share = (int(digest[:8], 16) + 0.5) / 2**32
    size = median_bytes * exp(_SPREAD * NormalDist().inv_cdf(share))
    return min(_LARGEST_BYTES, 1 + int(size))


def _content(digest: str, name: str, size: int) -> bytes:
    if name.endswith(_PRINTABLE):
        return "\n".join(_lines(digest, size)).encode()[:size].ljust(size, b".")
    return _noise(digest, size)


def _lines(digest: str, size: int) -> Iterator[str]:
    for number in range(size // 60 + 1):
        yield f"2026-11-23 13:02:44 INFO [sample] line {number:06} of {digest[:12]}: it went well"


def _noise(seed: str, size: int) -> bytes:
    """Cannot be compressed, as pictures cannot."""
    return hashlib.shake_128(seed.encode()).digest(size)


def _digest(recipe: Recipe, what: str) -> str:
    return hashlib.sha256(f"{recipe.seed} {recipe.realm} {what}".encode()).hexdigest()
