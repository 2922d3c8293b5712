"""The reason that somebody gives for a decision of theirs: asked for, and long enough to tell."""

from bot.commands.contract import Answer
from bot.replies.refusals import Refusal
from handlers.contract import Kind, Parameter
from handlers.errors import Reason

#: "ok" tells nobody anything in a year.
SHORTEST_CHARACTERS = 10

REASON = Parameter(
    name="reason",
    kind=Kind.WORD,
    summary=f"why, in {SHORTEST_CHARACTERS} characters or more",
    example='"the new copy was read back"',
    required=True,
    pattern=r".+",
    place="why",
)


def too_short(reason: str) -> Answer | None:
    """The refusal of a reason that tells nothing."""
    if len(reason.strip()) >= SHORTEST_CHARACTERS:
        return None
    message = f"`--reason` needs {SHORTEST_CHARACTERS} characters or more: it is kept for ever."
    hint = f"For example: `--reason {REASON.example}`."
    return Answer(Refusal(message, hint, Reason.BAD_ARGUMENT.value))
