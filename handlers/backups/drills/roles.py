"""Which of PostgreSQL's roles a copy brings: a dump only names them, and needs them to be there."""

import re

from handlers.backups.contents.roles import NAME
from handlers.backups.drills.checking.files import texts
from handlers.backups.drills.stored_copy import Copy

_ROLE = re.compile(r'^CREATE ROLE (?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*));$', re.MULTILINE)


def roles_of(copy: Copy) -> frozenset[str]:
    """By name; none in older copies. HostFailure where the configuration cannot be read."""
    said = dict(texts(copy, {NAME})).get(NAME, "")
    return names_in(said)


def names_in(statements: str) -> frozenset[str]:
    """The roles that these statements make. The statements themselves are never carried out."""
    found = _ROLE.findall(statements)
    return frozenset(quoted.replace('""', '"') or plain for quoted, plain in found)
