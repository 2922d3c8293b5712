"""How tests and the demo steer the imitated scripts, and what these say of the server."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handlers.host.layout import Layout


@dataclass(frozen=True, slots=True)
class Manners:
    """How the scripts behave from now on; the defaults are quick and without faults."""

    #: Between two lines of the log.
    pause_seconds: float = 0.02
    #: Between stopping the old server and answering from the new one.
    away_seconds: float = 0.6
    #: Connections are refused meanwhile, as with nginx stopped; else nginx answers 502.
    refuse: bool = False
    #: A line of the log at which `upgrade-zulip` fails.
    fail_at: str = ""
    #: A migration that fails; those before it stay applied.
    failing_migration: str = ""
    #: "Zulip started successfully!", and yet nothing answers, when this version is started.
    never_back: str = ""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the processes of Zulip do: read by whoever imitates them over HTTP."""

    answers: bool
    #: The tree that was started last.
    version: str
    feature_level: int
    refuse: bool = False
    #: Counts starts: a restart that nobody saw still makes a new generation.
    starts: int = 0


def read_manners(layout: Layout) -> Manners:
    record = _read(_manners_file(layout))
    return Manners(**record) if record else Manners()


def write_manners(layout: Layout, manners: Manners) -> None:
    _write(_manners_file(layout), asdict(manners))


def read_serving(layout: Layout) -> Serving | None:
    """None before any script has started or stopped the server."""
    record = _read(layout.root / "var/run/sample-zulip.json")
    return Serving(**record) if record else None


def write_serving(layout: Layout, serving: Serving) -> None:
    _write(layout.root / "var/run/sample-zulip.json", asdict(serving))


def _manners_file(layout: Layout) -> Path:
    return layout.root / "var/lib/sample-manners.json"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return record


def _write(file: Path, record: dict[str, Any]) -> None:
    """Replaced by rename, so that nobody reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(record), encoding="utf-8")
    temporary.replace(file)
