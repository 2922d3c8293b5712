"""Says whether a job has to wait for a hold to end or for a maintenance window to open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.contract import Effect
from jobs import windows
from jobs.configuration import Policy
from jobs.consent_terms import effect_policy, waiting_time
from jobs.windows import Window
from state import hold_store
from state.database import Transaction
from state.hold_store import Hold

#: What a hold stops; what only reads and what is routine goes on.
HELD = frozenset({Effect.DISRUPTIVE, Effect.DESTRUCTIVE})
#: A plan older than this is of another server, whatever the window.
LONGEST_EXPIRY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when a job cannot start, and the hold that stops it; else it is a window's time."""

    until: datetime | None
    hold: Hold | None = None
    windows: tuple[str, ...] = ()


def windows_of(policy: Policy, effect: Effect) -> tuple[str, ...]:
    """As the policy has them."""
    window = effect_policy(policy, effect).window
    return (window,) if isinstance(window, str) else window


def parsed(texts: tuple[str, ...]) -> list[Window]:
    """Raises ValueError with a sentence."""
    return [windows.parse(text) for text in texts]


def why_wait(tx: Transaction, effect: Effect, policy: Policy, now: datetime) -> Wait | None:
    """What keeps a job of this effect from starting now."""
    holds = [hold for hold in hold_store.open_holds(tx) if hold.until > now]
    if effect in HELD and holds:
        return Wait(holds[-1].until, hold=holds[-1])
    texts = windows_of(policy, effect)
    open_at = parsed(texts)
    if windows.is_open(open_at, now):
        return None
    opening = windows.next_opening(open_at, now)
    return Wait(opening.start if opening else None, windows=texts)


def good_until(policy: Policy, effect: Effect, now: datetime) -> datetime:
    """Until when a plan made now can be consented to and started: to the end of the first window
    that is still open when the usual time is over, and a week at most."""
    usual = now + waiting_time(policy, effect)
    texts = windows_of(policy, effect)
    opening = windows.next_opening(parsed(texts), usual) if texts else None
    return min(opening.end, now + LONGEST_EXPIRY) if opening else usual
