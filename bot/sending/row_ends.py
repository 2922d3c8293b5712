"""How carrying out one row of the outbox can end."""

from dataclasses import dataclass

from bot.sending.addresses import InTopic
from bot.zulip_api.answers import Ambiguous, Failure, Rejected, sentence


@dataclass(frozen=True, slots=True)
class Sent:
    """It is in Zulip; the id is that of the new message, if there is one."""

    message_id: int | None = None
    place: InTopic | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows; it is looked for before anything else is sent in its lane."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Surely not done; the same again later."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Drop:
    """It can never be done."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The row is another one by now; look again."""


End = Sent | Unclear | Wait | Drop | Changed


def not_done(failure: Failure, *, repeatable: bool = False) -> Unclear | Wait | Drop:
    """What a call that failed means for its row; `repeatable` calls do no harm twice."""
    match failure:
        case Rejected() if failure.is_final:
            return Drop(sentence(failure))
        case Ambiguous(why) if not repeatable:
            return Unclear(why)
    return Wait(failure)
