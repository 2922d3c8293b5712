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
#: Custom emoji and the icon, below the avatars of the realm, as Zulip lays them out.
_OTHER_PICTURES = ("emoji/images/1.png", "realm/icon.png", "realm/icon.original")


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


def make_pictures(layout: Layout, recipe: Recipe, people: int, salt: str) -> None:
    """Write the three forms of each person's avatar, custom emoji, and the icon."""
    directory = layout.uploads / "avatars" / str(recipe.realm)
    names = [
        f"{_avatar_name(user, salt)}{form}"
        for user in range(1, people + 1)
        for form in _AVATAR_FORMS
    ]
    for number, name in enumerate((*names, *_OTHER_PICTURES)):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_noise(_digest(recipe, f"picture {number}"), _AVATAR_BYTES))


def _avatar_name(user: int, salt: str) -> str:
    """As Zulip 9.0 and later name it; each avatar here is the first of its person."""
    return hashlib.sha256(f"{user}:1:{salt}".encode()).hexdigest()[:40]


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
