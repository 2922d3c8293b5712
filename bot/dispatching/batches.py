"""Leaves out of many events what others of them say too, so that a flood costs little."""

from collections.abc import Sequence

from bot.events import ReactionChanged, ZulipEvent


def without_repetition(events: Sequence[ZulipEvent]) -> list[ZulipEvent]:
    """The events in their order, each person's reactions to a message once.

    They are hints: whatever is read later has seen them all.
    """
    seen: set[ZulipEvent] = set()
    found: list[ZulipEvent] = []
    for event in events:
        if isinstance(event, ReactionChanged):
            if event in seen:
                continue
            seen.add(event)
        found.append(event)
    return found
