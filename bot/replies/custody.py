"""What is told to whoever is to show that they hold a recovery key."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.replies.wording import fence, to_type

_BEGIN, _END = "-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----"


def key_asked_for(shown: Mapping[str, Any], bot_name: str) -> str:
    """Of `backup key check`: one question a key, each a file of age to copy."""
    return "\n".join(_lines(shown, bot_name))


def _lines(shown: Mapping[str, Any], bot_name: str) -> Iterator[str]:
    yield (
        "Open it where the key is kept, **never on the server**, for example with"
        " `age -d -i recovery.key question.txt`, and type what it says within"
        f" {shown['days']} days: {to_type(bot_name, 'backup key check ANSWER')}"
    )
    for question in shown["questions"]:
        if len(shown["questions"]) > 1:
            yield f"To the key `{question['key']}`:"
        yield fence("\n".join((_BEGIN, *question["lines"], _END)))
