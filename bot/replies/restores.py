"""What is told of a restore before it is asked for: what stops it first, then cost and loss."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.replies.wording import code, count, moment, to_type
from handlers.wording import size


def restore_planned(shown: Mapping[str, Any], bot_name: str) -> str:
    """Of `restore plan`."""
    return "\n".join(_lines(shown, bot_name))


def _lines(shown: Mapping[str, Any], bot_name: str) -> Iterator[str]:
    yield from (f"- ✘ **in the way**: {sentence}" for sentence in shown["stops"])
    yield from (f"- **Worth knowing**: {sentence}" for sentence in shown["worth_knowing"])
    yield from (f"- ✔ {sentence}" for sentence in shown["holds"])
    yield f"- Taken {moment(shown['created_at'])}. {shown['standing']}"
    yield f"- From **{shown['store']}** ({code(shown['place'])}){_also(shown['also_in'])}"
    yield f"- Size: {_size(shown)}"
    yield f"- Expected: {shown['expected']}; Zulip is away {shown['downtime']}"
    yield f"- Would be lost: {_lost(shown)}"
    yield from (f"- **Left over**: {sentence}" for sentence in shown["left_over"])
    if not shown["stops"]:
        yield f"To restore it: {to_type(bot_name, _command(shown))}, with this server's own name"


def _also(names: list[str]) -> str:
    return f"; also in {', '.join(names)}" if names else ""


def _size(shown: Mapping[str, Any]) -> str:
    told = []
    if shown["database_bytes"]:
        told.append(f"database {size(shown['database_bytes'])}")
    if "uploads" in shown["parts"]:
        told.append(f"{count(shown['uploads'], 'upload')} of {size(shown['uploads_bytes'])}")
    return ", ".join(told) or "not known"


def _lost(shown: Mapping[str, Any]) -> str:
    if "database" not in shown["parts"]:
        return "uploads that came after the copy"
    return shown["would_be_lost"] or "not known, since the newest message could not be read"


def _command(shown: Mapping[str, Any]) -> str:
    only = f" --only {shown['parts'][0]}" if len(shown["parts"]) == 1 else ""
    return f"restore {shown['id']} --server NAME{only}"
