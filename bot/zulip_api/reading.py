"""Reads Zulip's events into our own: the only place that knows how they look."""

from collections.abc import Mapping
from typing import Any

from bot.events import (
    MessageArrived,
    MessageEdited,
    MessagesDeleted,
    MessagesMoved,
    PersonChanged,
    ReactionChanged,
    ServerRestarted,
    ZulipEvent,
)
from bot.zulip_api.words import (
    UnreadableError,
    flag,
    integer,
    optional_list,
    place_after_move,
    read_message,
    read_reaction,
    text,
)


def read_event(raw: Mapping[str, Any]) -> tuple[ZulipEvent, ...]:
    """One of Zulip's events in our words; those that mean nothing to us give nothing.

    Raises UnreadableError.
    """
    match raw.get("type"):
        case "message":
            message = raw.get("message")
            if not isinstance(message, dict):
                raise UnreadableError("message is no object")
            return (MessageArrived(read_message(message, raw.get("flags"))),)
        case "reaction":
            return _read_reaction(raw)
        case "update_message":
            return _read_update(raw)
        case "delete_message":
            return (MessagesDeleted(_ids(raw)),)
        case "realm_user":
            person = raw.get("person")
            return (PersonChanged(integer(person, "user_id")),) if isinstance(person, dict) else ()
        case "restart":
            return (ServerRestarted(text(raw, "zulip_version"), integer(raw, "server_generation")),)
    return ()


def _read_reaction(raw: Mapping[str, Any]) -> tuple[ZulipEvent, ...]:
    """Whatever else people react with costs nothing from here on."""
    reaction = read_reaction(raw)
    if not reaction.is_vote:
        return ()
    return (ReactionChanged(integer(raw, "message_id"), reaction.user_id),)


def _read_update(raw: Mapping[str, Any]) -> tuple[ZulipEvent, ...]:
    """One event may tell of a new content of one message and of the move of many."""
    found: list[ZulipEvent] = []
    # A new rendering (a thumbnail is ready, say) is no edit.
    if "content" in raw and not flag(raw, "rendering_only"):
        found.append(MessageEdited(integer(raw, "message_id"), text(raw, "content")))
    place = place_after_move(raw)
    if place is not None:
        found.append(MessagesMoved(_ids(raw), *place))
    return tuple(found)


def _ids(raw: Mapping[str, Any]) -> tuple[int, ...]:
    """`message_ids` comes unsorted; older shapes have one `message_id`."""
    if "message_ids" not in raw:
        return (integer(raw, "message_id"),)
    found = optional_list(raw, "message_ids")
    return tuple(sorted(integer({"id": one}, "id") for one in found))
