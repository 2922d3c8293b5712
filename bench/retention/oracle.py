"""The judge of prunes: it knows what must never happen, and nothing of how copies are chosen.

It reads the directory of a store file by file, with a reading of its own of everything that lies
there, before a prune and after it, and compares.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from handlers.host.settings import RetentionSettings

_MOMENT = "%Y%m%dT%H%M%SZ"
HOUR = timedelta(hours=1)
#: How far the clock may be from the newest copy before that counts as an accident of one of them.
FUTURE = timedelta(hours=3)


@dataclass(slots=True)
class Seen:
    """One copy as its files tell of it."""

    id: str
    at: datetime
    #: None: its record cannot be read.
    record: dict[str, Any] | None
    notes: dict[str, datetime] = field(default_factory=dict)
    kept_until: datetime | None = None
    marked_at: datetime | None = None
    is_whole: bool = False

    @property
    def is_part(self) -> bool:
        return self.record is not None and self.record.get("only") is not None

    @property
    def lacks_nothing(self) -> bool:
        return self.record is not None and not (self.record.get("named_files") or {}).get("missing")

    @property
    def is_proven(self) -> bool:
        """A drill restored it, nothing has spoken against it since, and all of it is there."""
        if self.is_part:
            return False
        proven = self.notes.get("proven")
        against = [self.notes[kind] for kind in ("refuted", "damaged") if kind in self.notes]
        return self.is_whole and proven is not None and all(each < proven for each in against)

    @property
    def is_verified(self) -> bool:
        verified, damaged = self.notes.get("verified"), self.notes.get("damaged")
        if self.is_proven:
            return True
        if self.is_part or not self.is_whole or verified is None or "refuted" in self.notes:
            return False
        return damaged is None or damaged < verified


class Picture:
    """Everything in a store at one moment."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files = {
            f"{folder}/{name}"[len(str(root)) + 1 :]
            for folder, _, names in os.walk(root)
            for name in names
            if not name.startswith(".")
        }
        self._of: dict[str, list[str]] = {}
        for name in sorted(self.files):
            self._of.setdefault(name.rpartition("/")[0], []).append(name)
        self.copies = {each.id: each for each in self._copies()}
        for each in self.copies.values():
            each.is_whole = self._is_whole(each)

    @property
    def newest_first(self) -> list[Seen]:
        return sorted(self.copies.values(), key=lambda each: each.id, reverse=True)

    def _copies(self) -> Iterator[Seen]:
        for name in self._of.get("snapshots", []):
            snapshot = Path(name).stem
            found = Seen(snapshot, _moment(snapshot[:16]), self._json(name))
            for kind in ("verified", "proven", "refuted", "damaged"):
                notes = self._notes(kind, snapshot)
                if notes:
                    found.notes[kind] = _moment(Path(notes[-1]).stem)
            kept = self._newest("kept", snapshot)
            if kept is not None and kept[1]["until"] is not None:
                found.kept_until = datetime.fromisoformat(kept[1]["until"])
            mark = self._newest("tombstones", snapshot)
            if mark is not None and mark[1]["marked"]:
                found.marked_at = mark[0]
            yield found

    def _is_whole(self, copy: Seen) -> bool:
        """All of its own objects, and of each copy that it names: uploads, and what tells them."""
        if copy.record is None or not self._are_there(copy.record, None):
            return False
        return self.has_uploads_of(copy.record["uploads"]["held_by"])

    def has_uploads_of(self, names: Iterable[str]) -> bool:
        """Whether all that came with these copies is there, with what tells what it is."""
        for name in names:
            record = self._json(f"snapshots/{name}.json") or self._json(f"retired/{name}.json")
            if record is None or not self._are_there(record, ("uploads", "index")):
                return False
        return True

    def _are_there(self, record: dict[str, Any], only: tuple[str, ...] | None) -> bool:
        streams = [record["streams"][name] for name in only or record["streams"]]
        return all(each["key"] in self.files for stream in streams for each in stream["objects"])

    def _notes(self, kind: str, snapshot: str) -> list[str]:
        return self._of.get(f"{kind}/{snapshot}", [])

    def _newest(self, kind: str, snapshot: str) -> tuple[datetime, dict[str, Any]] | None:
        notes = self._notes(kind, snapshot)
        if not notes:
            return None
        record = self._json(notes[-1])
        return None if record is None else (_moment(Path(notes[-1]).stem), record)

    def _json(self, name: str) -> dict[str, Any] | None:
        if name not in self.files:
            return None
        try:
            record: dict[str, Any] = json.loads((self._root / name).read_text())
        except ValueError:
            return None
        return record


def violations(
    before: Picture, after: Picture, rules: RetentionSettings, now: datetime
) -> Iterator[str]:
    """What one prune did that no prune may do."""
    copies = before.newest_first
    lost = {name for name in before.files - after.files if not name.startswith("leases/")}
    if lost and (wrong := _what_is_wrong(copies, rules, now)):
        yield f"something went although the newest copy is {wrong}"
    good = [each for each in copies if (each.is_proven if rules.proven else each.is_verified)]
    gone = [each for each in copies if each.id not in after.copies]
    lacking_nothing = [each for each in good if each.lacks_nothing]
    for why, these in (
        ("one of the last good ones", good[: rules.proven or 2]),
        ("the newest good one that lacks no file", lacking_nothing[:1]),
    ):
        yield from (f"{each.id} went, {why}" for each in these if each in gone)
    for each in gone:
        yield from _unlawful(each, good, after, rules, now)
    for each in copies:
        if each.is_whole and each.id in after.copies and not after.copies[each.id].is_whole:
            yield f"{each.id} stays and is not whole any more"
    yield from _unkept_periods(copies, after, rules)


def _unlawful(
    gone: Seen, good: list[Seen], after: Picture, rules: RetentionSettings, now: datetime
) -> Iterator[str]:
    """Why this one copy could not go."""
    if gone.record is None:
        yield f"{gone.id} went, and its record was damaged"
    if not any(other.id > gone.id and other.id in after.copies for other in good):
        yield f"{gone.id} went before a newer copy was good"
    if gone.kept_until is not None and gone.kept_until > now:
        yield f"{gone.id} went, and it was kept"
    grace = timedelta(hours=rules.grace_hours) - HOUR
    if gone.marked_at is None or gone.marked_at + grace > now:
        yield f"{gone.id} went before its grace was over"


def unwanted(picture: Picture, rules: RetentionSettings, now: datetime) -> Iterator[str]:
    """What is left long after the last accident, and has no reason to be."""
    copies = picture.newest_first
    good = [each for each in copies if (each.is_proven if rules.proven else each.is_verified)]
    wholes = [each for each in copies if not each.is_part]
    wanted = {each.id for each in (*wholes[:1], *good[: rules.proven or 2])}
    wanted |= {each.id for each in copies if each.record is None}
    wanted |= {each.id for each in [one for one in good if one.lacks_nothing][:1]}
    wanted |= {each.id for each in copies if each.kept_until and each.kept_until > now - HOUR}
    wanted |= {each.id for each in copies if good and each.id > good[0].id}
    for number, period in _periods(rules):
        for group in list(_grouped(copies, period).values())[:number]:
            proven = [each for each in group if each.is_proven]
            wanted |= {(proven or group)[0].id}
    grace = timedelta(hours=rules.grace_hours)
    for each in copies:
        is_going = each.marked_at is not None and each.marked_at + grace > now - HOUR
        if each.id not in wanted and not is_going:
            yield f"{each.id} is still there, and nothing wants it"


def half(picture: Picture) -> Iterator[str]:
    """What lies there for no copy: more of a retired one than its uploads."""
    for name in sorted(picture.files):
        top, _, rest = name.partition("/")
        snapshot, _, stream = rest.partition("/")
        if top != "objects" or snapshot in picture.copies:
            continue
        is_retired = f"retired/{snapshot}.json" in picture.files
        if is_retired and not stream.startswith(("uploads-", "index-")):
            yield f"{name} is left of a copy that went"


def _what_is_wrong(copies: list[Seen], rules: RetentionSettings, now: datetime) -> str | None:
    wholes = [each for each in copies if not each.is_part]
    if not wholes:
        return "a part" if copies else None
    newest = wholes[0]
    if newest.record is None or not newest.is_whole:
        return "damaged"
    if newest.at > now + FUTURE:
        return "dated in the future"
    if newest.at < now - timedelta(hours=rules.fresh_hours) - HOUR:
        return "too old"
    if not newest.is_verified:
        return "not verified, damaged or refuted"
    return None


def _unkept_periods(copies: list[Seen], after: Picture, rules: RetentionSettings) -> Iterator[str]:
    """Of each day, week and month that the rules want, one verified copy stays, proven if any."""
    for number, period in _periods(rules):
        for key, group in list(_grouped(copies, period).items())[:number]:
            left = [each for each in group if each.id in after.copies]
            if not left:
                yield f"nothing is left of {key}"
            elif any(each.is_proven for each in group) and not any(e.is_proven for e in left):
                yield f"nothing proven is left of {key}"


def _periods(rules: RetentionSettings) -> tuple[tuple[int, str], ...]:
    keep = rules.keep
    return (keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-W%V"), (keep.monthly, "%Y-%m")


def _grouped(copies: list[Seen], period: str) -> dict[str, list[Seen]]:
    groups: dict[str, list[Seen]] = {}
    for each in copies:
        if each.is_verified:
            groups.setdefault(each.at.strftime(period), []).append(each)
    return groups


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
