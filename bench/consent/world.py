"""What Zulip holds while a plan waits: messages, reactions and people."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from bot.observations import Gone, MessageSeen, Unreadable
from bot.observations import Seen as SeenByBot
from bot.zulip_api.words import Message, Person, Reaction

BOT, ASKER, LISTED, UNLISTED = 9, 1, (2, 3, 4), 5
PEOPLE = (ASKER, *LISTED, UNLISTED)
YES, NO = "2705", "274c"
#: What people react with; only the first two mean something.
EMOJI = (
    (YES, "unicode_emoji"),
    (NO, "unicode_emoji"),
    ("2714", "unicode_emoji"),
    ("1f44d", "unicode_emoji"),
    (YES, "realm_emoji"),
    (NO, "realm_emoji"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, as far as consent goes."""

    is_active: bool = True
    is_guest: bool = False
    is_bot: bool = False

    @property
    def counts(self) -> bool:
        return self.is_active and not self.is_guest and not self.is_bot


@dataclass(frozen=True, slots=True)
class Post:
    """One message."""

    sender: int
    content: str
    edited: bool = False
    moved: bool = False
    gone: bool = False

    @property
    def is_whole(self) -> bool:
        return not (self.edited or self.moved or self.gone)


@dataclass(frozen=True, slots=True)
class World:
    """One state of it; every change makes another."""

    posts: dict[int, Post] = field(default_factory=dict)
    #: Who reacted with what to the plan.
    reactions: frozenset[tuple[int, tuple[str, str]]] = frozenset()
    people: dict[int, Account] = field(
        default_factory=lambda: {one: Account() for one in (*PEOPLE, BOT)}
    )
    #: Messages in which somebody said `approve` and the bot took it, by whom.
    words: dict[int, int] = field(default_factory=dict)
    #: Which policy the file holds.
    policy: int = 0

    def with_post(self, message_id: int, post: Post) -> "World":
        return replace(self, posts={**self.posts, message_id: post})

    def with_account(self, user_id: int, account: Account) -> "World":
        return replace(self, people={**self.people, user_id: account})


def seen(world: World, card: int, others: frozenset[int], people: frozenset[int]) -> SeenByBot:
    """What the reader would bring of this state."""
    post = world.posts.get(card)
    if post is None or post.gone:
        return Gone("Invalid message(s)")
    voted = {user for user, (code, _) in world.reactions if code in {YES, NO}}
    wanted = (voted & people) | (people - {BOT} if not voted else set())
    return MessageSeen(
        message=_message(card, post, world),
        content_sha256=digest(post.content),
        people={one: _person(one, world.people[one]) for one in wanted if one in world.people},
        others={
            one: None if world.posts[one].gone else _message(one, world.posts[one], world)
            for one in others
        },
    )


def nothing() -> Unreadable:
    """What comes of a read that fails."""
    return Unreadable("Zulip does not answer.")


def digest(content: str) -> str:
    return sha256(content.encode()).hexdigest()


def _message(message_id: int, post: Post, world: World) -> Message:
    return Message(
        id=message_id,
        sender_id=post.sender,
        sender_name="somebody",
        sender_realm="",
        channel_id=1,
        topic="talk",
        participants=(),
        content=post.content,
        client="website",
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        mentioned=False,
        reactions=tuple(
            Reaction(user, "name", code, kind) for user, (code, kind) in sorted(world.reactions)
        ),
        changes=(),
        edited=post.edited,
        moved=post.moved,
    )


def _person(user_id: int, account: Account) -> Person:
    return Person(
        id=user_id,
        name=f"Person {user_id}",
        email="",
        role=600 if account.is_guest else 400,
        is_bot=account.is_bot,
        is_active=account.is_active,
        is_guest=account.is_guest,
        is_admin=False,
        is_owner=False,
        joined_at=datetime(2025, 1, 1, tzinfo=UTC),
    )
