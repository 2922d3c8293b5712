"""Says of copies why they stay, and of stores why nothing goes from them."""

from collections.abc import Sequence
from datetime import datetime

from handlers.backups.retention.copies import Copy
from handlers.backups.retention.marks import FOR_EVER
from handlers.backups.retention.model import VERIFIED_FLOOR, Hold, Judgement, Verdict, Why
from handlers.backups.retention.phases import Phases
from handlers.host.settings import RetentionSettings

_HOLDS = {
    Hold.NO_RULES: "there are no rules (`[backup.retention]`)",
    Hold.NEWEST_UNREADABLE: "the commit record of the newest copy {copy} is damaged",
    Hold.NEWEST_IN_FUTURE: "the newest copy {copy} is dated in the future: a clock is or was wrong",
    Hold.NEWEST_DAMAGED: "the newest copy {copy} is damaged",
    Hold.NEWEST_REFUTED: "the newest copy {copy} could not be restored by a drill",
    Hold.NEWEST_UNVERIFIED: "the newest copy {copy} was not verified",
    Hold.NEWEST_OLD: "the newest copy {copy} is older than {fresh} hours, so backups are missing",
    Hold.ONLY_PARTS: "there are only parts, and no copy of the whole server",
    Hold.NOTHING_PROVEN: "none of its {count} is proven",
}
_HINTS = {
    Hold.NEWEST_IN_FUTURE: " Look at the clock; a copy with a wrong date goes by `backup delete`.",
    Hold.NOTHING_PROVEN: " A drill proves copies. Without drills set `proven = 0` in"
    " `[backup.retention]`: verified copies then count in their place.",
}
_TAKE_ONE = " Take a new one: `backup now`."
_WHYS = {
    Why.NEWEST: "the newest",
    Why.DAILY: "daily",
    Why.WEEKLY: "weekly",
    Why.MONTHLY: "monthly",
    Why.LAST_CONSISTENT: "the newest that lacks no file",
    Why.UNREADABLE: "its commit record is damaged, so only `backup delete` removes it",
}


def why_nothing(judgement: Judgement, store: str, rules: RetentionSettings | None) -> str | None:
    """Why nothing at all goes from a store, and what to do; None where nothing holds it."""
    hold = judgement.hold
    if hold is None:
        return None
    copies = judgement.verdicts
    said = _HOLDS[hold].format(
        copy=next((each.copy.id for each in copies if not each.copy.is_part), ""),
        fresh=rules.fresh_hours if rules is not None else 0,
        count=counted(len(copies)),
    )
    hint = _HINTS.get(hold, _TAKE_ONE if hold is not Hold.NO_RULES else "")
    return f"Nothing goes from {store}: {said}.{hint}"


def why_it_stays(verdict: Verdict, rules: RetentionSettings) -> str:
    """In words, for a list: `daily, kept until 2027-01-31`."""
    return ", ".join(_why(why, verdict.copy, rules) for why in verdict.whys)


def kept_until(until: datetime) -> str:
    """As it stands in a list."""
    if until == FOR_EVER:
        return "kept, until when cannot be read"
    return f"kept until {until:%Y-%m-%d %H:%M} UTC"


def listing(names: Sequence[str]) -> str:
    """`one, two and three`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def counted(copies: int) -> str:
    return {0: "no copy", 1: "1 copy"}.get(copies, f"{copies} copies")


def stays(phases: Phases, rules: RetentionSettings) -> list[str]:
    """Each copy that stays, newest first, with the reasons."""
    held = phases.judgement.hold is not None
    found = []
    for verdict in phases.judgement.verdicts:
        why = why_it_stays(verdict, rules)
        if not why and not held:
            continue
        found.append(f"{verdict.copy.id}: {why or 'no rule wants it'}")
    return found


def rules_in_words(rules: RetentionSettings) -> str:
    """`7 daily, 5 weekly, 12 monthly; the last 2 proven; 48 h between mark and removal`."""
    keep = rules.keep
    kept = [
        f"{number} {name}"
        for name, number in (
            ("daily", keep.daily),
            ("weekly", keep.weekly),
            ("monthly", keep.monthly),
        )
        if number
    ]
    return f"{', '.join(kept)}; {_floor(rules)}; {rules.grace_hours} h between mark and removal"


def _floor(rules: RetentionSettings) -> str:
    if rules.proven:
        return f"the last {rules.proven} proven"
    return f"the last {VERIFIED_FLOOR} verified, none need be proven"


def _why(why: Why, copy: Copy, rules: RetentionSettings) -> str:
    good = "proven" if rules.proven else "verified"
    if why is Why.LAST_GOOD:
        return f"one of the last {rules.proven or VERIFIED_FLOOR} {good}"
    if why is Why.NO_REPLACEMENT:
        return f"no newer copy is {good}"
    if why is Why.KEPT and copy.kept_until is not None:
        return kept_until(copy.kept_until)
    return _WHYS[why]
