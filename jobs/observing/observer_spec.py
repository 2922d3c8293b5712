"""What an observer is told: the host, its stores, where to leave the facts, and how thoroughly."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from handlers.errors import OpsError, Reason
from handlers.host.settings import (
    ContentSettings,
    DatabaseSettings,
    DrillSettings,
    HostSettings,
    KeepSettings,
    KeySettings,
    ReleaseSettings,
    RetentionSettings,
    StoreSettings,
)

VERSION = 1


class SpecError(OpsError):
    """The spec is not what an observer understands."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The observer's spec cannot be used: {why}.", reason=Reason.NOT_CONFIGURED
        )


@dataclass(frozen=True, slots=True)
class ObserverSpec:
    """One round of observations."""

    host: HostSettings
    stores: tuple[StoreSettings, ...]
    #: facts.json is left here.
    state_directory: Path
    #: May read facts.json; none: the group of whoever observes.
    group: str | None = None
    #: Make every check, also those that are not due yet.
    fresh: bool = True
    #: For each check.
    time_limit: timedelta = timedelta(seconds=5)
    #: To whom copies are sealed.
    keys: KeySettings = KeySettings()


def write_spec(spec: ObserverSpec) -> str:
    """The spec as JSON, for a file or the observer's standard input."""
    record = {
        "version": VERSION,
        "host": asdict(spec.host),
        "stores": [asdict(store) for store in spec.stores],
        "state_directory": spec.state_directory,
        "group": spec.group,
        "fresh": spec.fresh,
        "time_limit_seconds": spec.time_limit.total_seconds(),
        "keys": asdict(spec.keys),
    }
    return json.dumps(record, default=str)


def read_spec(text: str) -> ObserverSpec:
    """The spec that `write_spec` wrote; raises SpecError."""
    try:
        return _spec(json.loads(text))
    except KeyError as error:
        raise SpecError(f"it has no {error}") from error
    except (ValueError, TypeError) as error:
        raise SpecError(str(error)) from error


def _spec(record: dict[str, Any]) -> ObserverSpec:
    if record["version"] != VERSION:
        raise ValueError(f"it is of version {record['version']} and not {VERSION}")
    return ObserverSpec(
        host=host_from_record(record["host"]),
        stores=tuple(store_from_record(each) for each in record["stores"]),
        state_directory=Path(record["state_directory"]),
        group=record.get("group"),
        fresh=record.get("fresh", True),
        time_limit=timedelta(seconds=record.get("time_limit_seconds", 5)),
        keys=keys_from_record(record.get("keys", {})),
    )


def host_from_record(record: Mapping[str, Any]) -> HostSettings:
    """What `asdict` made of host settings, with paths as text."""
    database = _with_paths(record["database"], "programs")
    releases = _with_paths(record.get("releases", {}), "directory")
    drills = _with_paths(record.get("drills", {}), "directory", "programs")
    if "hosts" in releases:
        releases["hosts"] = tuple(releases["hosts"])
    rest = _with_paths(record, "root") | {
        "database": DatabaseSettings(**database),
        "releases": ReleaseSettings(**releases),
        "drills": DrillSettings(**drills),
    }
    return HostSettings(**rest)


def store_from_record(record: Mapping[str, Any]) -> StoreSettings:
    """What `asdict` made of a store's settings, with paths as text."""
    return StoreSettings(**_with_paths(record, "path", "credentials_file"))


def keys_from_record(record: Mapping[str, Any]) -> KeySettings:
    """What `asdict` made of the keys, with paths as text; TypeError for anything else."""
    keys = _with_paths(record, "drill_identity_file")
    return KeySettings(**keys | {"recovery": tuple(keys.get("recovery", ()))})


def contents_from_record(record: Mapping[str, Any]) -> ContentSettings:
    """What `asdict` made of them, with paths as text; TypeError for anything else."""
    return ContentSettings(**_with_paths(record, "own_database", "own_configuration"))


def retention_from_record(record: Mapping[str, Any]) -> RetentionSettings:
    """What `asdict` made of the rules of retention; KeyError or TypeError for anything else."""
    return RetentionSettings(**{**record, "keep": KeepSettings(**record["keep"])})


def _with_paths(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    paths = {name: Path(record[name]) for name in names if record.get(name) is not None}
    return {**record, **paths}
