"""Reads by id what was missed while there was no event queue, each message once and in order."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.events import MessageArrived
from bot.zulip_api.calls import Narrow
from bot.zulip_api.words import Message, Page

PAGE_SIZE = 1000
#: Two messages written at once may get ids and times in different order; never by so much.
LARGEST_SWAP = timedelta(seconds=60)

#: Reads the page of a narrow that follows this message id.
ReadPage = Callable[[int, Narrow], Page]


def narrows_for(channel_id: int | None) -> tuple[Narrow, ...]:
    """Everything in which a command may stand: the ops channel, direct messages, mentions."""
    everywhere: tuple[Narrow, ...] = ((("is", "dm"),), (("is", "mentioned"),))
    return everywhere if channel_id is None else ((("channel", channel_id),), *everywhere)


def missed_messages(
    read: ReadPage, after_id: int, narrows: tuple[Narrow, ...]
) -> Iterator[tuple[Message, ...]]:
    """Batches by ascending id over all narrows, so that each batch's last id is a watermark.

    A narrow whose page is full tells nothing about what lies behind it: a batch ends where the
    shortest of the full pages ends.
    """
    open_narrows = list(narrows)
    kept: dict[int, Message] = {}
    while open_narrows:
        horizon: int | None = None
        for narrow in list(open_narrows):
            page = read(after_id, narrow)
            kept |= {message.id: message for message in page.messages if message.id > after_id}
            if page.found_newest or not page.messages:
                open_narrows.remove(narrow)
            else:
                last = page.messages[-1].id
                horizon = last if horizon is None else min(horizon, last)
        ids = sorted(one for one in kept if horizon is None or one <= horizon)
        if ids:
            yield tuple(kept.pop(one) for one in ids)
        if horizon is not None:
            after_id = horizon


class Turn:
    """Tells messages that merely look new: a new id, and an older time than one before it has."""

    def __init__(self, newest_at: datetime | None) -> None:
        """`newest_at` is when the last message before the gap was sent; None: nobody knows."""
        self._newest_at = newest_at

    def arrival(self, message: Message) -> MessageArrived:
        """The message as an event; to be called in the order of the ids."""
        newest_at = self._newest_at
        is_late = newest_at is not None and newest_at - message.sent_at > LARGEST_SWAP
        if newest_at is None or message.sent_at > newest_at:
            self._newest_at = message.sent_at
        return MessageArrived(
            message, from_catch_up=True, out_of_turn=is_late or message.historical
        )
