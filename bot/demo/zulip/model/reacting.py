"""Add and take back emoji reactions."""

from bot.demo.zulip.model import emoji
from bot.demo.zulip.model.errors import ApiError, invalid_message
from bot.demo.zulip.model.messages import Message, Reaction
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.posting import access
from bot.demo.zulip.model.realm import Notice, Realm


def react(realm: Realm, person: Person, message_id: int, choice: "Choice") -> None:
    """Raises ApiError: unknown message, unknown emoji, or already there."""
    message = _message(realm, person, message_id)
    name, code, kind = choice
    for present in message.reactions:
        if (present.emoji_code, present.reaction_type) == (code, kind):
            # Zulip keeps the name of whoever came first: "+1" may come back as "thumbs_up".
            name = present.emoji_name
    reaction = Reaction(person, name, code, kind)
    if any(present.key == reaction.key for present in message.reactions):
        raise ApiError("Reaction already exists.", "REACTION_ALREADY_EXISTS")
    message.reactions.append(reaction)
    _tell(realm, message, reaction, "add")


def unreact(realm: Realm, person: Person, message_id: int, choice: "Choice") -> None:
    """Raises ApiError when the message or the reaction is not there."""
    message = _message(realm, person, message_id)
    wanted = (person.id, choice[1], choice[2])
    for reaction in message.reactions:
        if reaction.key == wanted:
            message.reactions.remove(reaction)
            _tell(realm, message, reaction, "remove")
            return
    raise ApiError("Reaction doesn't exist.", "REACTION_DOES_NOT_EXIST")


#: Name, code, type.
Choice = tuple[str, str, str]


def choose(name: str | None, code: str | None = None, kind: str | None = None) -> Choice:
    """The emoji meant by the parameters of a request; raises ApiError when there is none."""
    if name is None and code is None:
        raise ApiError(
            "At least one of the following arguments must be present: emoji_name, emoji_code"
        )
    if code is not None:
        known = emoji.NAMES_BY_CODE.get(code, ("",))
        if name is not None and code in emoji.NAMES_BY_CODE and name not in known:
            raise ApiError("Invalid emoji name.")
        return name or known[0], code, kind or emoji.UNICODE
    assert name is not None
    found, found_kind = emoji.lookup(name)
    return name, found, kind or found_kind


def _message(realm: Realm, person: Person, message_id: int) -> Message:
    message = access(realm, person, message_id)
    if message is None:
        raise invalid_message()
    return message


def _tell(realm: Realm, message: Message, reaction: Reaction, op: str) -> None:
    person = reaction.person
    who = {"user_id": person.id, "email": person.email, "full_name": person.full_name}
    body = {
        "type": "reaction",
        "op": op,
        "user_id": person.id,
        "user": who,
        "message_id": message.id,
        "emoji_name": reaction.emoji_name,
        "emoji_code": reaction.emoji_code,
        "reaction_type": reaction.reaction_type,
    }
    audience = set(message.flags)
    if message.channel is not None:
        audience |= message.channel.subscribers
    realm.tell(Notice("reaction", body, frozenset(audience)))
