"""What a restore is judged by before it starts, read from the same moment as the dump."""

import re
from typing import Any

from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.deployments import current_deployment
from handlers.host.layout import Layout
from handlers.host.postgres import Connection

#: What no snapshot of this form holds; said in each of them.
NEVER_INCLUDED = (
    "PostgreSQL's roles, settings and other databases.",
    "What lies in /etc outside /etc/zulip: certificates, nginx, cron, dictionaries.",
    "Logs, Redis, RabbitMQ and memcached.",
    "Zulip's own code, which is deployed again from its release.",
)
S3_UPLOADS = "Uploads that Zulip keeps in S3: its settings name a bucket."
_S3_SETTING = re.compile(r"^\s*S3_AUTH_UPLOADS_BUCKET\s*=", re.MULTILINE)

_COUNTED = {"realms": "zerver_realm", "users": "zerver_userprofile"}


def zulip_facts(layout: Layout) -> dict[str, JSON]:
    """Which Zulip is deployed; what could not be read says so in its place."""
    try:
        deployment = current_deployment(layout)
    except HostFailure as failure:
        return {"version": None, "unreadable": failure.message}
    return {
        "version": deployment.version,
        "merge_base": deployment.merge_base,
        "feature_level": deployment.feature_level,
        "deployment": deployment.path.name,
    }


def system_facts(layout: Layout) -> dict[str, JSON]:
    """Name and version of the operating system, from os-release."""
    try:
        lines = layout.os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"id": None, "version": None}
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return {
        "id": values.get("ID", "").strip('"') or None,
        "version": values.get("VERSION_ID", "").strip('"') or None,
    }


def database_facts(connection: Connection) -> dict[str, JSON]:
    """Versions, migrations, counts and the newest message, in the connection's own view."""
    facts = postgres.read_facts(connection)
    migrations: list[JSON] = list(postgres.migrations(connection))
    return {
        "version": facts.server_version,
        "major": facts.major,
        "system_identifier": facts.system_identifier,
        "size_bytes": facts.size_bytes,
        "migrations": migrations,
        "counts": {name: _count(connection, table) for name, table in _COUNTED.items()},
        "newest_message": _newest_message(connection),
    }


def left_out(layout: Layout) -> list[str]:
    """What is known beforehand not to be in the snapshot."""
    sentences = list(NEVER_INCLUDED)
    try:
        settings = layout.settings_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        settings = ""
    if _S3_SETTING.search(settings):
        sentences.append(S3_UPLOADS)
    if not layout.uploads.is_dir():
        sentences.append(f"Uploads: there is no directory {layout.shown(layout.uploads)}.")
    return sentences


def space_needed(database_bytes: int, new_upload_bytes: int) -> int:
    """A generous guess: a dump comes to a quarter of its database, and uploads stay as they are."""
    return database_bytes // 2 + new_upload_bytes


def _count(connection: Connection, table: str) -> JSON:
    if not postgres.has_table(connection, table):
        return None
    # The names are constants of this module.
    count: int = postgres.value(connection, f"SELECT count(*) FROM {table}")  # noqa: S608
    return count


def _newest_message(connection: Connection) -> JSON:
    """Messages are never counted: the newest one is found by its index."""
    if not postgres.has_table(connection, "zerver_message"):
        return None
    query = "SELECT id, date_sent FROM zerver_message ORDER BY id DESC LIMIT 1"
    found: list[tuple[Any, ...]] = postgres.rows(connection, query)
    return {"id": found[0][0], "at": found[0][1].isoformat()} if found else None
