"""What a restore is judged by before it starts: the Zulip and the system that a copy is of."""

import os
import re
from pathlib import Path

from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host.deployments import current_deployment
from handlers.host.layout import Layout
from handlers.host.settings import ContentSettings

#: What no snapshot of this form holds; said in each of them.
NEVER_INCLUDED = (
    "PostgreSQL's other databases.",
    "What lies in /etc outside /etc/zulip and /etc/postgresql: nginx, supervisor, cron.",
    "Redis, RabbitMQ and memcached.",
    "Zulip's own code, which is deployed again from its release.",
)
CERTIFICATES = "Certificates and their private keys: `backup.certificates` is not set."
LOGS = "Logs: `backup.logs` is not set."
OWN_STATE = "The bot's own database and configuration: `backup.own_state` is off."
_COMMIT = re.compile(r"[0-9a-f]{40}")


def zulip_facts(layout: Layout) -> dict[str, JSON]:
    """Which Zulip is deployed; what could not be read says so in its place."""
    try:
        deployment = current_deployment(layout)
    except HostFailure as failure:
        return {"version": None, "unreadable": failure.message}
    return {
        "version": deployment.version,
        "commit": _commit(deployment.path / ".git"),
        "merge_base": deployment.merge_base,
        "feature_level": deployment.feature_level,
        "deployment": deployment.path.name,
    }


def system_facts(layout: Layout) -> dict[str, JSON]:
    """Name and version of the operating system, from os-release, and the C library's version."""
    try:
        lines = layout.os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    said = {name: values.get(name, "").strip('"') or None for name in ("ID", "VERSION_ID")}
    return {
        "id": said["ID"],
        "version": said["VERSION_ID"],
        "name": values.get("PRETTY_NAME", "").strip('"') or None,
        # It sorts text: where it differs, indexes of text may have to be rebuilt.
        "libc": os.confstr("CS_GNU_LIBC_VERSION") if layout.root == Path("/") else None,
    }


def left_out(contents: ContentSettings) -> list[str]:
    """What is known beforehand not to be in a whole snapshot."""
    sentences = list(NEVER_INCLUDED)
    if not contents.certificates:
        sentences.append(CERTIFICATES)
    if not contents.logs:
        sentences.append(LOGS)
    if contents.own_database is None:
        sentences.append(OWN_STATE)
    return sentences


def space_needed(database_bytes: int, new_upload_bytes: int) -> int:
    """A generous guess: a dump comes to a quarter of its database, and uploads stay as they are."""
    return database_bytes // 2 + new_upload_bytes


def _commit(git: Path) -> str | None:
    """What is checked out, read from git's own files; None for a release, which has none.

    Git itself is not asked: it would run what the configuration of that tree names, as root.
    """
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            head = _reference(git, head.removeprefix("ref: "))
    except (OSError, UnicodeDecodeError):
        return None
    return head if _COMMIT.fullmatch(head) else None


def _reference(git: Path, name: str) -> str:
    if (git / name).is_file():
        return (git / name).read_text(encoding="utf-8").strip()
    packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
