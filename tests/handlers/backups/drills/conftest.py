"""Drills of the copies of a sample host, and what must not be left of them."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from handlers.backups.drills import drill
from handlers.backups.drills.place import survivors
from handlers.backups.standing import UNKNOWN, Standing, standings
from handlers.contract import Context, Outcome, Plan
from handlers.host.object_store import open_store
from handlers.host.settings import DrillSettings, StoreSettings
from tests.handlers.backups.conftest import Desk


@dataclass
class Range:
    """Where copies of one desk are drilled."""

    desk: Desk
    #: In place of the sample host's own.
    settings: DrillSettings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = self.desk.host.settings().drills

    @property
    def directory(self) -> Path:
        return self.settings.directory

    def context(self, *stores: StoreSettings) -> Context:
        context = self.desk.context(*stores)
        return replace(context, host=replace(context.host, drills=self.settings))

    def plan(self, args: drill.Args | None = None, *stores: StoreSettings) -> Plan:
        return drill.plan(self.context(*stores), args or drill.Args())

    def drill(self, args: drill.Args | None = None, *stores: StoreSettings) -> Outcome:
        """As the runner does it: plan, then run."""
        context, args = self.context(*stores), args or drill.Args()
        return drill.run(context, args, drill.plan(context, args))

    def standing(self, snapshot: str, store: StoreSettings | None = None) -> Standing:
        return standings(open_store(store or self.desk.store)).get(snapshot, UNKNOWN)

    def is_clean(self) -> bool:
        """Whether nothing is left below the directory, no process either."""
        left = {path.name for path in self.directory.iterdir()} if self.directory.exists() else ()
        return set(left) <= {"lock"} and not list(survivors.living(self.directory))


@pytest.fixture
def range_(desk: Desk) -> Range:
    return Range(desk)


NOTES = {"proven", "refuted", "damaged"}


def objects_below(directory: Path) -> dict[str, bytes]:
    """Everything in a store but the notes that a drill may write, byte for byte."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.relative_to(directory).parts[0] not in NOTES
    }
