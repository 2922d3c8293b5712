"""Turns a judgement into what one prune of one store does: mark, remove, clear (pure)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.backups.retention.copies import Copy
from handlers.backups.retention.model import Judgement, full_hour, judge
from handlers.backups.retention.survey import Survey
from handlers.host.settings import RetentionSettings

#: Of each kind, so that a plan can be read; the next prune goes on with the rest.
MOST_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Phases:
    """What is due in one store; ids, oldest first."""

    survey: Survey
    judgement: Judgement
    #: Marked now, and removed by a later prune.
    mark: tuple[str, ...]
    #: Marked long enough: these are copies no more.
    remove: tuple[str, ...]
    #: Marked by an earlier prune, and wanted after all.
    take_back: tuple[str, ...]
    #: What belongs to no copy, or will not once these are removed.
    clear: tuple[str, ...]
    #: Marked, and not long enough.
    waiting: tuple[str, ...]
    freed_bytes: int

    @property
    def does_nothing(self) -> bool:
        return not (self.mark or self.remove or self.take_back or self.clear)


def lay_out(survey: Survey, rules: RetentionSettings | None, now: datetime) -> Phases:
    """What a prune does now."""
    judgement = judge(survey.copies, rules, now)
    grace = timedelta(hours=rules.grace_hours if rules is not None else 0)
    going = sorted(judgement.going, key=lambda copy: copy.id)
    due = [copy for copy in going if _is_due(copy, grace, now)]
    remove = _ids(due)[:MOST_AT_ONCE]
    clear = _to_clear(survey, remove, now) if judgement.hold is None else ()
    return Phases(
        survey=survey,
        judgement=judgement,
        mark=_ids([copy for copy in going if copy.marked_at is None])[:MOST_AT_ONCE],
        remove=remove,
        take_back=tuple(
            sorted(
                each.copy.id
                for each in judgement.verdicts
                if each.whys and each.copy.marked_at is not None
            )
        )[:MOST_AT_ONCE],
        clear=clear,
        waiting=_ids([copy for copy in going if copy.marked_at is not None and copy not in due]),
        freed_bytes=_freed(survey, remove, clear),
    )


def _is_due(copy: Copy, grace: timedelta, now: datetime) -> bool:
    """By full hours, so that a prune at the same time of every day is never a second too early."""
    return copy.marked_at is not None and full_hour(copy.marked_at) + grace <= full_hour(now)


def _to_clear(survey: Survey, remove: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    after = survey.without(remove)
    half = {*survey.half_retired()}
    return tuple(sorted({*after.of_no_use(now), *half}))[: 2 * MOST_AT_ONCE]


def _freed(survey: Survey, remove: tuple[str, ...], clear: tuple[str, ...]) -> int:
    after = survey.without(remove)
    whole = {each for each in clear if not after.is_needed(each)}
    own = {each: survey.own_bytes_of(each) for each in {*remove, *clear}}
    return sum(survey.bytes_of(each) if each in whole else own[each] for each in own)


def _ids(copies: list[Copy]) -> tuple[str, ...]:
    return tuple(copy.id for copy in copies)
