"""Zulip's limit of 200 calls a minute and user, in two buckets: events and all the rest."""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.errors import ApiError

CALLS = 200
WINDOW = timedelta(seconds=60)


@dataclass(slots=True)
class Allowance:
    """What the headers of an answer tell about the bucket."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimits:
    """Sliding windows; a refused call is not counted."""

    def __init__(self, clock: RealmClock) -> None:
        self.calls_per_window = CALLS
        self._clock = clock
        self._calls: dict[tuple[int, str], deque[float]] = {}

    def take(self, person_id: int, bucket: str) -> Allowance:
        """Raises ApiError 429 with a fractional `retry-after` when the bucket is empty."""
        now = self._clock.timestamp()
        window = WINDOW.total_seconds()
        calls = self._calls.setdefault((person_id, bucket), deque())
        while calls and calls[0] <= now - window:
            calls.popleft()
        limit = self.calls_per_window
        if len(calls) >= limit:
            reset = (calls[0] if calls else now) + window
            raise exceeded(reset - now, Allowance(limit, 0, int(reset)))
        calls.append(now)
        return Allowance(limit, limit - len(calls), int(calls[0] + window))

    def forget(self) -> None:
        self._calls.clear()


def exceeded(wait_seconds: float, allowance: Allowance) -> ApiError:
    """The 429 of Zulip; `retry-after` is a float in body and header (seen: 57.72)."""
    return ApiError(
        "API usage exceeded rate limit",
        "RATE_LIMIT_HIT",
        429,
        extra={"retry-after": wait_seconds},
        headers={"Retry-After": str(wait_seconds), **allowance.headers()},
    )
