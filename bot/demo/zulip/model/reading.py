"""Read messages: narrows, anchors, and what a person may see of the past."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.demo.zulip.model.channels import Channel, may_read
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.moving import RESOLVED
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import Realm

#: The anchor behind "newest" (seen on 9.2).
NEWEST = 10_000_000_000_000_000
MAX_MESSAGES = 5000

Filter = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a narrow."""

    operator: str
    operand: object
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which stretch of the messages to read."""

    anchor: int
    before: int
    after: int
    include_anchor: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The messages of a page, oldest first, and whether there is more on either side."""

    messages: list[Message]
    found_anchor: bool
    found_oldest: bool
    found_newest: bool


def parse_narrow(raw: object) -> list[Term]:
    """From the JSON of a request, in either of Zulip's two spellings."""
    if not isinstance(raw, list):
        raise ApiError("narrow is not a list")
    return [_term(item) for item in raw]


def _term(item: object) -> Term:
    match item:
        case [str(operator), operand]:
            return Term(operator, operand)
        case {"operator": str(operator), "operand": operand, **rest}:
            return Term(operator, operand, bool(rest.get("negated", False)))
        case _:
            raise ApiError("elem is not a string")


def fetch(realm: Realm, reader: Person, narrow: Sequence[Term], page: Page) -> Found:
    """The stretch around the anchor as Zulip cuts it, with its three verdicts."""
    accepts = _acceptor(realm, reader, narrow)
    to_the_right = page.anchor >= NEWEST
    newest_first = (m for m in reversed(realm.messages.values()) if accepts(m))
    before = list(islice((m for m in newest_first if m.id < page.anchor), page.before))
    before.reverse()
    exact = realm.messages.get(page.anchor)
    anchored = [exact] if exact is not None and page.include_anchor and accepts(exact) else []
    oldest_first = (m for m in realm.messages.values() if m.id > page.anchor and accepts(m))
    after = list(islice(oldest_first, page.after))
    return Found(
        [*before, *anchored, *after],
        found_anchor=bool(anchored),
        found_oldest=page.anchor == 0 or len(before) < page.before,
        found_newest=to_the_right or len(after) < page.after,
    )


def first_unread(realm: Realm, reader: Person, narrow: Sequence[Term]) -> int:
    """The id of the oldest unread message of a narrow, or the newest anchor."""
    accepts = _acceptor(realm, reader, narrow)
    unread = (
        m.id for m in realm.messages.values() if "read" not in m.flags_for(reader.id) and accepts(m)
    )
    return next(unread, NEWEST)


def _acceptor(realm: Realm, reader: Person, narrow: Sequence[Term]) -> Filter:
    """Without a channel in the narrow a person sees only what reached them (as Zulip does)."""
    found = conditions(realm, reader, narrow)
    named = [t for t in narrow if t.operator in {"channel", "stream"} and not t.negated]
    whole_channel = named and may_read(_channel(realm, named[0].operand), reader)
    public = any(t.operator in {"channels", "streams"} and not t.negated for t in narrow)

    def accepts(message: Message) -> bool:
        received = reader.id in message.flags
        if not (received or whole_channel or (public and _is_readable(message, reader))):
            return False
        return all(condition(message) for condition in found)

    return accepts


def conditions(realm: Realm, reader: Person, narrow: Sequence[Term]) -> list[Filter]:
    """What each term demands of a message; raises ApiError for a term Zulip does not know."""
    return [_condition(realm, reader, term) for term in narrow]


def _is_readable(message: Message, reader: Person) -> bool:
    return message.channel is not None and may_read(message.channel, reader)


def _condition(realm: Realm, reader: Person, term: Term) -> Filter:
    condition = _plain_condition(realm, reader, term)
    if term.negated:
        return lambda message: not condition(message)
    return condition


def _plain_condition(realm: Realm, reader: Person, term: Term) -> Filter:
    operand = term.operand
    match term.operator:
        case "channel" | "stream":
            channel = _channel(realm, operand)
            return lambda message: message.channel is channel
        case "topic" | "subject":
            topic = str(operand).casefold()
            return lambda message: message.topic.casefold() == topic
        case "sender" | "from":
            sender = _person(realm, operand)
            return lambda message: message.sender is sender
        case "dm" | "pm-with":
            group = {person.id for person in _people(realm, operand)} | {reader.id}
            return lambda m: bool(m.participants) and {p.id for p in m.participants} == group
        case "dm-including":
            wanted = {person.id for person in _people(realm, operand)}
            return lambda message: wanted <= {person.id for person in message.participants}
        case "channels" | "streams":
            return lambda message: message.channel is not None and not message.channel.private
        case _:
            return _other_condition(reader, term)


def _other_condition(reader: Person, term: Term) -> Filter:
    operand = term.operand
    match term.operator:
        case "id":
            number = int(str(operand)) if str(operand).isdecimal() else -1
            return lambda message: message.id == number
        case "is":
            return _state(reader, str(operand))
        case "search":
            words = str(operand).casefold().split()
            return lambda m: all(w in f"{m.topic} {m.content}".casefold() for w in words)
        case "has":
            return _contents(str(operand))
        case "near" | "with":
            return lambda message: True
        case _:
            raise _bad_narrow(f"unknown operator {term.operator}")


def _state(reader: Person, word: str) -> Filter:
    flags = {"starred": "starred", "alerted": "has_alert_word"}
    match word:
        case "mentioned":
            return lambda m: bool({"mentioned", "wildcard_mentioned"} & set(m.flags_for(reader.id)))
        case "unread":
            return lambda message: "read" not in message.flags_for(reader.id)
        case "dm" | "private":
            return lambda message: message.channel is None
        case "resolved":
            return lambda message: message.topic.startswith(RESOLVED)
        case "starred" | "alerted":
            return lambda message: flags[word] in message.flags_for(reader.id)
        case _:
            raise _bad_narrow(f"unknown 'is' operand {word}")


def _contents(word: str) -> Filter:
    match word:
        case "reaction":
            return lambda message: bool(message.reactions)
        case "attachment" | "image":
            return lambda message: "/user_uploads/" in message.content
        case "link":
            return lambda message: "](" in message.content or "://" in message.content
        case _:
            raise _bad_narrow(f"unknown 'has' operand {word}")


def _channel(realm: Realm, operand: object) -> Channel:
    if isinstance(operand, int):
        channel = realm.channels.get(operand)
    else:
        channel = realm.channel_by_name(str(operand))
    if channel is None:
        raise _bad_narrow(f"unknown channel {operand}")
    return channel


def _person(realm: Realm, operand: object) -> Person:
    if isinstance(operand, int):
        person = realm.people.get(operand)
    else:
        person = realm.person_by_email(str(operand))
    if person is None:
        raise _bad_narrow("unknown user " + str(operand))
    return person


def _people(realm: Realm, operand: object) -> list[Person]:
    operands: Iterable[object]
    operands = operand if isinstance(operand, list) else str(operand).split(",")
    return [_person(realm, item.strip() if isinstance(item, str) else item) for item in operands]


def _bad_narrow(description: str) -> ApiError:
    text = f"Invalid narrow operator: {description}"
    return ApiError(text, "BAD_NARROW", extra={"desc": description})
