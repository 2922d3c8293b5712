"""One random history of a store: copies of all kinds, accidents, drills, and prunes in between."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.retention.oracle import Picture, half, unwanted, violations
from bench.retention.tiny import TinyCopies
from handlers.backups.earlier_uploads import find_base
from handlers.backups.repository import CONFIGURATION, DATABASE, INDEX, UPLOADS, commit_key
from handlers.backups.retention import delete_backup, keep_backup, prune_backups
from handlers.backups.sealing.keys import Keys
from handlers.backups.standing import Note
from handlers.contract import JSON, Context, Plan
from handlers.errors import HostFailure, OpsError
from handlers.host.object_store import open_store
from handlers.host.settings import HostSettings, KeepSettings, RetentionSettings, StoreSettings
from handlers.host.store_contract import Store

BEGIN = datetime(2026, 3, 1, 3, 20, tzinfo=UTC)
EVENTS = 40
#: So many calm days end a history, with a drill and a prune in each.
CALM_DAYS = 4

#: How often each thing happens beside the others.
_LOT = {
    "back_up": 30,
    "drill": 12,
    "prune": 24,
    "part": 4,
    "keep": 4,
    "delete": 3,
    "back_up_beside_prune": 3,
    "damage": 3,
    "lose": 2,
    "spoil": 1,
    "forget": 1,
    "garbage": 2,
    "set_clock": 2,
}


class Silence:
    """A journal that nobody reads."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        assert title
        yield

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        pass

    def fact(self, name: str, value: JSON) -> None:
        pass

    def output(self, text: str) -> None:
        pass


@dataclass(slots=True)
class SetClock:
    """Shows what it is set to."""

    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at


@dataclass
class History:
    """One store and what happens to it; `found` is what the judge says of the prunes."""

    lot: random.Random
    root: Path
    #: What the program is told in the place of the true rules, by a test of the judge.
    told: Callable[[RetentionSettings], RetentionSettings]
    #: What happens at the end of each prune besides, planted by such a test.
    besides: Callable[[Store], None]
    clock: SetClock = field(default_factory=SetClock)
    found: list[str] = field(default_factory=list)
    prunes: int = 0
    removed: int = 0
    #: The true time, whatever the clock shows.
    true_time: datetime = BEGIN

    def __post_init__(self) -> None:
        lot = self.lot
        keep = KeepSettings(lot.randint(1, 4), lot.randint(0, 3), lot.randint(0, 2))
        proven = lot.choice((0, 1, 2, 2, 3))
        self.rules = RetentionSettings(keep, proven, lot.choice((24, 48)), lot.choice((49, 80)))
        self.settings = StoreSettings(name="local", path=self.root)
        self.store: Store = open_store(self.settings)
        self.tiny = TinyCopies(self.store)

    def run(self) -> None:
        """Everything that happens, and then the calm."""
        names, weights = list(_LOT), list(_LOT.values())
        for _ in range(EVENTS):
            self._pass(timedelta(hours=self.lot.choice((0, 1, 5, 12, 24, 24, 30))))
            event = self.lot.choices(names, weights)[0]
            getattr(self, f"_{event}")()
        self._calm_down()

    def _pass(self, span: timedelta) -> None:
        self.true_time += span + timedelta(minutes=self.lot.randint(1, 50))
        self.clock.at += span + timedelta(minutes=self.lot.randint(1, 50))

    def _calm_down(self) -> None:
        """The clock is right, what stands in the way is deleted, every copy is well and proven."""
        for copy in self._copies():
            if self._picture().copies[copy].at > self.true_time:
                self.store.delete(commit_key(copy))
        self.clock.at = self.true_time
        for _ in range(CALM_DAYS):
            self._pass(timedelta(hours=24))
            self.clock.at = self.true_time
            copy = self._commit(is_verified=True)
            self._pass(timedelta(hours=1))
            self.clock.at = self.true_time
            self._note(Note.PROVEN, copy)
            self._prune()
        last = self._picture()
        self.found += [*unwanted(last, self.rules, self.clock.at), *half(last)]

    def _back_up(self) -> None:
        self._commit(is_verified=self.lot.random() < 0.85)

    def _commit(self, *, is_verified: bool) -> str:
        return self._end_backup(self.clock.at, self._base(), is_verified=is_verified)

    def _base(self) -> list[str]:
        """What a backup that begins now builds on: the real program decides."""
        base = find_base(self.store, Keys(), lambda _: None)
        if base is None:
            return []
        held = set(base.snapshot.uploads.held_by) - base.distrusted
        return [each for each in sorted(held) if self.lot.random() < 0.7]

    def _end_backup(
        self,
        begun_at: datetime,
        needs: list[str],
        *,
        is_verified: bool = True,
        only: str | None = None,
    ) -> str:
        """As the program does it: what others hold is looked at before the copy is verified."""
        missing = self.lot.choice((0, 0, 0, 0, 3))
        copy = self.tiny.add(begun_at, needs, verified=False, only=only, missing=missing)
        now = self._picture()
        lost = [each for each in needs if not now.has_uploads_of([each])]
        for each in lost:
            self._note(Note.DAMAGED, each)
        if is_verified and not lost:
            self._note(Note.VERIFIED, copy)
        return copy

    def _part(self) -> None:
        """A backup of one part alone."""
        only = self.lot.choice(("database", "uploads", "config"))
        needs = self._base() if only == "uploads" else []
        self._end_backup(self.clock.at, needs, only=only)

    def _back_up_beside_prune(self) -> None:
        """It begins, a prune comes by, it ends hours later."""
        begun_at, needs = self.clock.at, self._base()
        was_there = self._picture().has_uploads_of(needs)
        self._pass(timedelta(hours=self.lot.randint(0, 11)))
        self._prune()
        copy = self._end_backup(begun_at, needs)
        if was_there and not self._picture().copies[copy].is_whole:
            self.found.append(f"{copy} was being made, and lost uploads to a prune")

    def _drill(self) -> None:
        copies = self._copies()
        if copies:
            # Most are of what came last.
            copy = self.lot.choice(copies[-3:] if self.lot.random() < 0.7 else copies)
            is_whole = self._picture().copies[copy].is_whole
            proves = is_whole and self.lot.random() < 0.8
            self._note(Note.PROVEN if proves else Note.REFUTED, copy)

    def _damage(self) -> None:
        self._to_one(lambda copy: self._note(Note.DAMAGED, copy))

    def _lose(self) -> None:
        stream = self.lot.choice((DATABASE, CONFIGURATION, UPLOADS, INDEX))
        self._to_one(lambda copy: self.tiny.lose(copy, stream))

    def _spoil(self) -> None:
        self._to_one(self.tiny.spoil_record)

    def _forget(self) -> None:
        """Somebody deletes a commit record by hand."""
        self._to_one(lambda copy: self.store.delete(commit_key(copy)))

    def _garbage(self) -> None:
        self.tiny.add_garbage(self.clock.at)

    def _set_clock(self) -> None:
        """To something wrong, or right again."""
        wrong = self.lot.choice((-4000, -40, -1, 1, 3, 40, 4000))
        is_right = abs(self.clock.at - self.true_time) < timedelta(days=1)
        self.clock.at = self.true_time + (timedelta(days=wrong) if is_right else timedelta(0))

    def _keep(self) -> None:
        until = self.clock.at + timedelta(days=self.lot.randint(1, 20))
        word = "off" if self.lot.random() < 0.3 else until.isoformat()
        args = keep_backup.Args(self._any(), word)
        self._try(
            lambda: keep_backup.plan(self._context(), args),
            lambda plan: keep_backup.run(self._context(), args, plan),
        )

    def _delete(self) -> None:
        args = delete_backup.Args(self._any())
        before = self._picture()
        self._try(
            lambda: delete_backup.plan(self._context(), args),
            lambda plan: delete_backup.run(self._context(), args, plan),
        )
        after = self._picture()
        self.found += [
            f"{each.id} lost something when {args.copy} was deleted"
            for each in before.copies.values()
            if each.is_whole and each.id != args.copy and not after.copies[each.id].is_whole
        ]

    def _prune(self) -> None:
        """Judged by the true rules, whatever the program was told."""
        before, args = self._picture(), prune_backups.Args()
        context = self._context()
        self._try(
            lambda: prune_backups.plan(context, args),
            lambda plan: prune_backups.run(context, args, plan),
        )
        self.besides(self.store)
        after = self._picture()
        self.prunes += 1
        self.removed += len(before.copies.keys() - after.copies.keys())
        self.found += violations(before, after, self.rules, self.clock.at)

    def _try(self, make: Callable[[], Plan], do: Callable[[Plan], object]) -> None:
        """As the runner does it; a refusal is an answer."""
        try:
            plan = make()
            if all(check.holds for check in plan.preconditions):
                do(plan)
        except OpsError:
            pass

    def _context(self) -> Context:
        return Context(
            job=1,
            attempt=1,
            host=HostSettings(),
            stores=(self.settings,),
            journal=Silence(),
            clock=self.clock,
            retention=self.told(self.rules),
        )

    def _note(self, kind: Note, copy: str) -> None:
        with suppress(HostFailure):  # there is one of that second
            self.tiny.note(kind, copy, self.clock.at)

    def _to_one(self, happens: Callable[[str], None]) -> None:
        copies = self._copies()
        if copies:
            happens(self.lot.choice(copies))

    def _any(self) -> str:
        copies = self._copies()
        return self.lot.choice(copies) if copies else "1"

    def _copies(self) -> list[str]:
        folder = self.root / "snapshots"
        return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []

    def _picture(self) -> Picture:
        return Picture(self.root)


def nothing(_store: Store) -> None:
    """What happens besides, as long as no test plants more."""


def play(
    seed: str,
    root: Path,
    besides: Callable[[Store], None] = nothing,
    doctored: Mapping[str, int] | None = None,
) -> History:
    """One history to its end; `doctored` changes what the program is told of its rules."""

    def told(rules: RetentionSettings) -> RetentionSettings:
        figures: dict[str, Any] = {**asdict(rules), "keep": rules.keep, **(doctored or {})}
        return RetentionSettings(**figures)

    history = History(random.Random(seed), root, told, besides)
    root.mkdir(parents=True)
    history.run()
    return history
