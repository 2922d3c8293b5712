"""Decides which copies of one store go and which stay, with the reason for each (pure).

A copy goes when no rule wants it, and only while the newest copy is well and a newer copy is good:
proven, or verified where the rules say that copies need not be proven. The rules count copies, not
days until now: a clock that is set forward or back cannot make them want less.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handlers.backups.retention.copies import Copy
from handlers.host.settings import RetentionSettings

#: How many verified copies always stay where copies need not be proven.
VERIFIED_FLOOR = 2
#: A copy that is dated so much after the present full hour was taken by a clock that was wrong, or
#: ours is.
CLOCK_TOLERANCE = timedelta(hours=2)


class Why(StrEnum):
    """Why one copy stays."""

    NEWEST = "newest"
    LAST_GOOD = "last_good"
    #: The newest good one that lacks no file which its database names; perhaps the last place where
    #: some file lies.
    LAST_CONSISTENT = "last_consistent"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    KEPT = "kept"
    #: Its commit record is damaged; only a person lets it go.
    UNREADABLE = "unreadable"
    #: No newer copy is good.
    NO_REPLACEMENT = "no_replacement"


class Hold(StrEnum):
    """Why nothing at all goes from a store."""

    NO_RULES = "no_rules"
    NEWEST_UNREADABLE = "newest_unreadable"
    NEWEST_IN_FUTURE = "newest_in_future"
    NEWEST_DAMAGED = "newest_damaged"
    NEWEST_REFUTED = "newest_refuted"
    NEWEST_UNVERIFIED = "newest_unverified"
    NEWEST_OLD = "newest_old"
    NOTHING_PROVEN = "nothing_proven"
    ONLY_PARTS = "only_parts"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one copy: it goes where nothing wants it to stay."""

    copy: Copy
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one store: its copies newest first."""

    hold: Hold | None
    verdicts: tuple[Verdict, ...]

    @property
    def going(self) -> tuple[Copy, ...]:
        """None at all while something is wrong with the newest copy."""
        if self.hold is not None:
            return ()
        return tuple(each.copy for each in self.verdicts if not each.whys)


def judge(copies: Iterable[Copy], rules: RetentionSettings | None, now: datetime) -> Judgement:
    """What goes, and what stays for which reasons."""
    newest_first = sorted(copies, key=lambda copy: copy.id, reverse=True)
    if rules is None:
        return Judgement(Hold.NO_RULES, tuple(Verdict(each, ()) for each in newest_first))
    good = [copy for copy in newest_first if is_good(copy, rules)]
    whys = _reasons(newest_first, good, rules, full_hour(now))
    verdicts = tuple(Verdict(copy, tuple(whys[copy.id])) for copy in newest_first)
    return Judgement(_why_nothing(newest_first, good, rules, now), verdicts)


def is_good(copy: Copy, rules: RetentionSettings) -> bool:
    """Whether it may stand for the copies that go."""
    return copy.is_proven if rules.proven else copy.is_sound


def always_stay(copies: Sequence[Copy], rules: RetentionSettings) -> Sequence[Copy]:
    """The last good copies, of copies that come newest first."""
    return [copy for copy in copies if is_good(copy, rules)][: rules.proven or VERIFIED_FLOOR]


def full_hour(at: datetime) -> datetime:
    """By which everything is judged: a plan and the run that follows it see the same."""
    return at.replace(minute=0, second=0, microsecond=0)


def _why_nothing(
    copies: Sequence[Copy], good: Sequence[Copy], rules: RetentionSettings, now: datetime
) -> Hold | None:
    if not copies:
        return None
    # A part can stand for no copy, and says nothing of how those are.
    newest = next((copy for copy in copies if not copy.is_part), None)
    if newest is None:
        return Hold.ONLY_PARTS
    hour = full_hour(now)
    standing = newest.standing
    oldest_fresh = hour - timedelta(hours=rules.fresh_hours)
    wrongs = (
        (newest.taken_at > hour + CLOCK_TOLERANCE, Hold.NEWEST_IN_FUTURE),
        (not newest.is_readable, Hold.NEWEST_UNREADABLE),
        (not newest.is_whole, Hold.NEWEST_DAMAGED),
        (standing.refuted_at is not None and not standing.is_proven, Hold.NEWEST_REFUTED),
        (standing.damaged_at is not None and not newest.is_sound, Hold.NEWEST_DAMAGED),
        (not newest.is_sound, Hold.NEWEST_UNVERIFIED),
        (newest.taken_at < oldest_fresh, Hold.NEWEST_OLD),
        (not good, Hold.NOTHING_PROVEN),
    )
    return next((hold for is_wrong, hold in wrongs if is_wrong), None)


def _reasons(
    copies: Sequence[Copy], good: Sequence[Copy], rules: RetentionSettings, hour: datetime
) -> dict[str, list[Why]]:
    chosen = {
        Why.NEWEST: [copy for copy in copies if not copy.is_part][:1],
        Why.LAST_GOOD: always_stay(copies, rules),
        Why.LAST_CONSISTENT: _last_consistent(good),
        Why.DAILY: _one_of_each(copies, _day, rules.keep.daily),
        Why.WEEKLY: _one_of_each(copies, _week, rules.keep.weekly),
        Why.MONTHLY: _one_of_each(copies, _month, rules.keep.monthly),
        Why.KEPT: [copy for copy in copies if copy.kept_until and copy.kept_until > hour],
        Why.UNREADABLE: [copy for copy in copies if not copy.is_readable],
    }
    whys: dict[str, list[Why]] = {copy.id: [] for copy in copies}
    for why, these in chosen.items():
        for copy in these:
            whys[copy.id].append(why)
    newest_good = good[0].id if good else ""
    for copy in copies:
        if copy.id > newest_good and not whys[copy.id]:
            whys[copy.id].append(Why.NO_REPLACEMENT)
    return whys


def _last_consistent(good: Sequence[Copy]) -> Sequence[Copy]:
    """Only where newer ones are not, for else it stays anyhow."""
    if not good or good[0].is_consistent:
        return ()
    return [copy for copy in good if copy.is_consistent][:1]


def _one_of_each(
    copies: Sequence[Copy],
    period: Callable[[datetime], tuple[int, ...]],
    number: int,
) -> list[Copy]:
    """Of each of the last so many periods that have a sound copy: the newest proven one, or else
    the newest."""
    chosen: dict[tuple[int, ...], Copy] = {}
    for copy in copies:
        if not copy.is_sound:
            continue
        which = period(copy.taken_at)
        before = chosen.get(which)
        if before is None or (copy.is_proven and not before.is_proven):
            chosen[which] = copy
    return list(chosen.values())[:number]


def _day(at: datetime) -> tuple[int, ...]:
    return at.year, at.month, at.day


def _week(at: datetime) -> tuple[int, ...]:
    return tuple(at.isocalendar()[:2])


def _month(at: datetime) -> tuple[int, ...]:
    return at.year, at.month
