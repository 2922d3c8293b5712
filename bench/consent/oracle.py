"""Says from what really happened whether a start was legal; knows nothing of the bot's code."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench.consent.world import ASKER, NO, YES, World

#: How old the look may be on which a start rests.
OLDEST_LOOK = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Rules:
    """On which terms one job was asked for."""

    approvers: frozenset[int]
    needed: int
    self_counts: bool
    arming: timedelta
    expires_at: datetime
    card: int
    command: int
    policy: int


@dataclass(slots=True)
class Oracle:
    """Remembers every state of the world since the plan was posted."""

    rules: Rules
    states: list[tuple[datetime, World]] = field(default_factory=list)
    #: When the newest change to plan, command or words happened that the bot has been told of;
    #: reactions of people who can never count are none.
    told_at: datetime | None = None
    starts: int = 0

    def note(self, now: datetime, world: World) -> None:
        """The world is like this from now on."""
        self.states.append((now, world))

    def why_illegal(self, now: datetime) -> str | None:
        """What is wrong with a start at this moment; None: it is legal."""
        self.starts += 1
        if self.starts > 1:
            return "started twice"
        if now >= self.rules.expires_at:
            return "started after its plan had expired"
        since = max(now - OLDEST_LOOK, self.told_at or now - OLDEST_LOOK)
        if not any(self.consented(world) for world in self._between(since, now)):
            return "started although nobody who looked could have seen consent"
        if self.rules.arming and not self._was_armed(now):
            return "started before the delay was over"
        return None

    def _between(self, since: datetime, until: datetime) -> list[World]:
        """Every state that held at some moment of that time."""
        found = []
        for number, (begins, world) in enumerate(self.states):
            ends = self.states[number + 1][0] if number + 1 < len(self.states) else until
            if begins <= until and (ends >= since):
                found.append(world)
        return found

    def _was_armed(self, now: datetime) -> bool:
        """Whether there was consent at some moment at least as long ago as the delay."""
        return any(
            self.consented(world)
            for begins, world in self.states
            if begins <= now - self.rules.arming
        )

    def consented(self, world: World) -> bool:
        """Whether this state of the world is full consent to this very plan."""
        rules = self.rules
        if world.policy != rules.policy:
            return False
        if not (world.posts[rules.card].is_whole and world.posts[rules.command].is_whole):
            return False
        counting = set(rules.approvers) if rules.self_counts else set(rules.approvers) - {ASKER}
        denies = {user for user, kind in world.reactions if kind == (NO, "unicode_emoji")}
        if any(world.people[user].counts for user in denies & (counting | {ASKER})):
            return False
        says = {user for user, kind in world.reactions if kind == (YES, "unicode_emoji")}
        says |= {user for message, user in world.words.items() if world.posts[message].is_whole}
        return sum(world.people[user].counts for user in says & counting) >= rules.needed
