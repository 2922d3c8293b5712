"""Reads from Zulip's settings what is written there as it is; their code is never executed."""

import ast
import configparser
from dataclasses import dataclass
from pathlib import Path

from handlers.host.layout import Layout

_DIRECTORY = "LOCAL_UPLOADS_DIR"
_BUCKET = "S3_AUTH_UPLOADS_BUCKET"
_NAME = "EXTERNAL_HOST"


@dataclass(frozen=True, slots=True)
class UploadBuckets:
    """Where Zulip keeps uploads in S3."""

    #: None: it is computed in settings.py, and only Zulip itself knows it.
    files: str | None
    avatars: str | None
    region: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class UploadsPlace:
    """Where Zulip keeps uploads: in a directory, or in buckets."""

    directory: Path
    buckets: UploadBuckets | None = None


def uploads_place(layout: Layout) -> UploadsPlace:
    """As Zulip decides it: a directory goes before buckets, and one of them must be set."""
    found = _assigned(layout.settings_file)
    directory = found.get(_DIRECTORY)
    if isinstance(directory, str) and directory:
        return UploadsPlace(layout.root / directory.lstrip("/"))
    # Computed (`...`): where the installer puts it is the best guess.
    if directory is ... or not found.get(_BUCKET):
        return UploadsPlace(layout.uploads)
    return UploadsPlace(
        layout.uploads,
        UploadBuckets(
            files=_text(found.get(_BUCKET)),
            avatars=_text(found.get("S3_AVATAR_BUCKET")),
            region=_text(found.get("S3_REGION")),
            endpoint=_text(found.get("S3_ENDPOINT_URL")),
        ),
    )


def external_host(layout: Layout) -> str | None:
    """What the server calls itself; None where that is not written there as it is."""
    return _text(_assigned(layout.settings_file).get(_NAME))


def secret(layout: Layout, name: str) -> str | None:
    """One of zulip-secrets.conf; None where it is not there or cannot be read."""
    reader = configparser.RawConfigParser()
    try:
        reader.read(layout.secrets_file, encoding="utf-8")
        return reader.get("secrets", name, fallback=None)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None


def _assigned(path: Path) -> dict[str, object]:
    """What is assigned at the top level, the last one of each name; `...` where it is computed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, object] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                pass
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                targets = [target]
            case _:
                continue
        for each in targets:
            if isinstance(each, ast.Name):
                found[each.id] = value.value if isinstance(value, ast.Constant) else ...
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
