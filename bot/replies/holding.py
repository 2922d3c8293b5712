"""What is said about holds, and to whoever waits for one or for a maintenance window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, count, listing, moment, person, to_type


@dataclass(frozen=True)
class HoldBegan(Reply, kind="hold_began"):
    """From now on nothing disruptive starts."""

    bot_name: str
    until: str
    why: str
    waiting: int

    def text(self) -> str:
        waits = ""
        if self.waiting:
            verb = "waits" if self.waiting == 1 else "wait"
            waits = f" {count(self.waiting, 'job')} {verb} for its end."
        holds = to_type(self.bot_name, "holds")
        return (
            f"Until {moment(self.until)} nothing disruptive or destructive starts, because "
            f"{code(self.why)}; it ends by itself.{waits} {holds} lists the holds."
        )


@dataclass(frozen=True)
class HoldEnded(Reply, kind="hold_ended"):
    """A hold is over, by itself or by somebody's word."""

    hold: int
    why: str
    by: str | None
    by_id: int | None
    others: int

    def text(self) -> str:
        how = f"is ended by {person(self.by, self.by_id)}" if self.by else "has ended"
        rest = "What waited for it starts now."
        if self.others:
            rest = f"There is still {count(self.others, 'other hold')}."
        return f"Hold #{self.hold} ({code(self.why)}) {how}. {rest}"


@dataclass(frozen=True)
class HoldList(Reply, kind="holds"):
    """The holds that are in force, and what waits."""

    bot_name: str
    #: `id`, `why`, `until`, `asker_name`, `asker_id`.
    holds: Sequence[Mapping[str, Any]]
    #: `job`, `command`, `until` (or None), `hold` (or None).
    waiting: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        lines = [self._line(hold) for hold in self.holds]
        if not lines:
            lines.append("There is no hold: what people agree to starts.")
        lines += [_waits(one) for one in self.waiting]
        return "\n".join(lines)

    def _line(self, hold: Mapping[str, Any]) -> str:
        who = person(hold["asker_name"], hold["asker_id"])
        end = to_type(self.bot_name, f"hold end {hold['id']}")
        return (
            f"- Hold #{hold['id']} until {moment(hold['until'])}, by {who}, because "
            f"{code(hold['why'])}. {end} ends it."
        )


def _waits(one: Mapping[str, Any]) -> str:
    what = f"hold #{one['hold']}" if one["hold"] else "a maintenance window"
    until = f", until {moment(one['until'])}" if one["until"] else ""
    return f"- Job #{one['job']} ({code(one['command'])}) waits for {what}{until}."


@dataclass(frozen=True)
class JobHeld(Reply, kind="job_held"):
    """A job that is agreed to cannot start yet."""

    job: int
    command: str
    until: str | None
    why: str | None
    hold: int | None
    windows: Sequence[str]
    expires_at: str | None

    def text(self) -> str:
        said = f"Job #{self.job} ({code(self.command)}) waits for"
        if self.hold is not None:
            said += f" the end of hold #{self.hold} ({code(self.why or '')})"
        else:
            said += f" its window, {listing([code(one) for one in self.windows], 'or')}"
        if self.until is None:
            return f"{said}, which does not come within two weeks."
        if self.expires_at is not None and self.expires_at <= self.until:
            return (
                f"{said} until {moment(self.until)}. Its plan is good until "
                f"{moment(self.expires_at)} only, so it expires unless the hold is ended before."
            )
        return f"{said}: it starts by itself after {moment(self.until)}."
