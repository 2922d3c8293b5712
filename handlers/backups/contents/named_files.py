"""The files that a database names: attachments, avatars, custom emoji, an organization's images.

What Zulip can make again from one of these, such as thumbnails and the middle size of an avatar,
is not among them; nor are attachments of deleted messages (`zerver_archivedattachment`), whose
files Zulip may have removed already.
"""

import hashlib
import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from handlers.contract import JSON
from handlers.host import postgres
from handlers.host.postgres import Connection

ATTACHMENTS, AVATARS = "attachments", "avatars"
EMOJI, IMAGES = "custom emoji", "organization images"
#: From this migration of Zulip 9.0 on, avatars are named after their version, too.
NEW_AVATAR_NAMES = "zerver.0544_"
#: The one that was uploaded, and the one that is shown; the larger one is made from the first.
AVATAR_FORMS = (".original", ".png")
_IMAGE_COLUMNS = {"icon_source": "icon", "logo_source": "logo", "night_logo_source": "night_logo"}
_UPLOADED = "U"


@dataclass(frozen=True, slots=True)
class Named:
    """One file that must be there."""

    #: Relative to the uploads, as the index has it.
    path: str
    kind: str
    #: The row that names it.
    key: Any

    @property
    def order(self) -> bytes:
        return order(self.path)


@dataclass(frozen=True, slots=True)
class Naming:
    """What is needed beside the rows to know the names of files."""

    #: Of zulip-secrets.conf; None: it could not be read, and avatars cannot be looked for.
    avatar_salt: str | None
    #: Whether Zulip is at least 9.0.
    has_new_avatar_names: bool = True


def naming_of(facts: JSON, avatar_salt: str | None) -> Naming:
    """By the migrations among the facts of a database."""
    migrations = facts.get("migrations") if isinstance(facts, dict) else None
    names = map(str, migrations if isinstance(migrations, list) else ())
    zerver = [each for each in names if each.startswith("zerver.")]
    return Naming(avatar_salt, has_new_avatar_names=max(zerver, default="") >= NEW_AVATAR_NAMES)


def order(path: str) -> bytes:
    """Sorts as the scan of the uploads does: part by part, for no name holds a zero byte."""
    return os.fsencode(path).replace(b"/", b"\0")


def named(connection: Connection, naming: Naming) -> Iterator[Named]:
    """All of them, in the order of the index; only inside a transaction.

    Attachments, of which there may be millions, are sorted by PostgreSQL and held nowhere.
    """
    few = (
        sorted(read(connection, naming, None), key=attrgetter("order"))
        for kind, read in _READERS.items()
        if kind != ATTACHMENTS
    )
    return heapq.merge(_attachments(connection, naming, None), *few, key=attrgetter("order"))


def still_named(connection: Connection, naming: Naming, some: Iterable[Named]) -> list[Named]:
    """Those of them that the database still names, in a view of its own."""
    left: list[Named] = []
    for kind, group in groupby(sorted(some, key=attrgetter("kind")), key=attrgetter("kind")):
        asked = list(group)
        keys = [each.key for each in asked]
        paths = {each.path for each in _READERS[kind](connection, naming, keys)}
        left += (each for each in asked if each.path in paths)
    return left


Keys = Sequence[Any] | None


def _attachments(connection: Connection, _naming: Naming, keys: Keys) -> Iterator[Named]:
    if not postgres.has_columns(connection, "zerver_attachment", "path_id"):
        return
    query = "SELECT path_id FROM zerver_attachment"
    by_parts = " ORDER BY string_to_array(path_id, '/') COLLATE \"C\""
    for (path_id,) in _rows(connection, query, "path_id", keys, by_parts):
        yield Named(f"files/{path_id}", ATTACHMENTS, path_id)


def _avatars(connection: Connection, naming: Naming, keys: Keys) -> Iterator[Named]:
    columns = ("id", "realm_id", "avatar_source", "avatar_version")
    salt = naming.avatar_salt
    if salt is None or not postgres.has_columns(connection, "zerver_userprofile", *columns):
        return
    query = "SELECT id, realm_id, avatar_version FROM zerver_userprofile WHERE avatar_source = 'U'"
    for user, realm, version in _rows(connection, query, "id", keys):
        if naming.has_new_avatar_names:
            digest = hashlib.sha256(f"{user}:{version}:{salt}".encode()).hexdigest()[:40]
        else:
            digest = hashlib.sha1(f"{user}{salt}".encode()).hexdigest()  # noqa: S324 (Zulip's name)
        for form in AVATAR_FORMS:
            yield Named(f"avatars/{realm}/{digest}{form}", AVATARS, user)


def _emoji(connection: Connection, _naming: Naming, keys: Keys) -> Iterator[Named]:
    """Deactivated ones too: old messages show them."""
    if not postgres.has_columns(connection, "zerver_realmemoji", "file_name", "is_animated"):
        return
    query = (
        "SELECT id, realm_id, file_name, is_animated FROM zerver_realmemoji"
        " WHERE file_name IS NOT NULL"
    )
    for emoji, realm, name, is_animated in _rows(connection, query, "id", keys):
        images = f"avatars/{realm}/emoji/images"
        yield Named(f"{images}/{name}", EMOJI, emoji)
        if is_animated:
            yield Named(f"{images}/still/{name.rpartition('.')[0] or name}.png", EMOJI, emoji)


def _images(connection: Connection, _naming: Naming, keys: Keys) -> Iterator[Named]:
    for column, name in _IMAGE_COLUMNS.items():
        if not postgres.has_columns(connection, "zerver_realm", column):
            continue
        # The names of columns are constants of this module.
        query = f"SELECT id FROM zerver_realm WHERE {column} = '{_UPLOADED}'"  # noqa: S608
        for (realm,) in _rows(connection, query, "id", keys):
            yield Named(f"avatars/{realm}/realm/{name}.png", IMAGES, realm)


def _rows(
    connection: Connection, query: str, key: str, keys: Keys, sorting: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Of all, a few at a time; or of these keys, at once."""
    if keys is None:
        return postgres.streamed(connection, query + sorting)
    joint = "AND" if " WHERE " in query else "WHERE"
    return iter(postgres.rows(connection, f"{query} {joint} {key} = ANY(%s)", (list(keys),)))


_READERS: dict[str, Callable[[Connection, Naming, Keys], Iterator[Named]]] = {
    ATTACHMENTS: _attachments,
    AVATARS: _avatars,
    EMOJI: _emoji,
    IMAGES: _images,
}
