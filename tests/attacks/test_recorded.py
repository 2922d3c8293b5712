"""The attacks as far as a real Zulip 9.2 showed them: its own answers, and what is made of them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.deciding.intake import Intake
from bot.deciding.looking import voter
from bot.deciding.outgoing import Outgoing
from bot.deciding.quota import Quota
from bot.events import MessageArrived, PersonChanged
from bot.understanding.gate import Gate, judge_person
from bot.zulip_api.answers import Heard, Rejected, understand
from bot.zulip_api.reading import read_event
from bot.zulip_api.words import read_person
from handlers.errors import Reason
from state import inbox
from state.database import Transaction, open_database

#: A message of the server itself, where a topic was moved: the client and the realm tell it.
OF_THE_SERVER: dict[str, Any] = {
    "id": 39,
    "sender_id": 6,
    "content": "[A message](http://localhost:9991/#narrow/stream/4-ops) was moved here.",
    "recipient_id": 17,
    "timestamp": 1795439151,
    "client": "Internal",
    "subject": "other topic",
    "topic_links": [],
    "is_me_message": False,
    "reactions": [],
    "submessages": [],
    "sender_full_name": "Notification Bot",
    "sender_email": "notification-bot@zulip.com",
    "sender_realm_str": "zulipinternal",
    "display_recipient": "ops",
    "type": "stream",
    "stream_id": 4,
    "content_type": "text/x-markdown",
}
#: What `GET /users/{id}` says of somebody.
ALICE: dict[str, Any] = {
    "email": "alice@example.com",
    "user_id": 11,
    "avatar_version": 1,
    "is_admin": False,
    "is_owner": False,
    "is_guest": False,
    "is_billing_admin": False,
    "role": 400,
    "is_bot": False,
    "full_name": "Alice",
    "timezone": "",
    "is_active": True,
    "date_joined": "2026-11-23T12:56+00:00",
    "delivery_email": "alice@example.com",
}
#: An account was switched off.
SWITCHED_OFF: dict[str, Any] = {
    "type": "realm_user",
    "op": "update",
    "person": {"user_id": 13, "is_active": False},
    "id": 35,
}
#: What `GET /users/{id}` says of a number that is nobody's in this organization.
NOBODY = Heard(400, {"result": "error", "msg": "No such user", "code": "BAD_REQUEST"}, None)

SENT_AT = datetime.fromtimestamp(OF_THE_SERVER["timestamp"], UTC)
INTAKE = Intake(
    Gate(bot_id=8, bot_name="ops", ops_channel_id=4, realm=""),
    Quota(10),
    Outgoing(4, "ops", "ops"),
    epoch=1,
)


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    with closing(open_database(tmp_path / "zulip-ops.db")) as database, database.write() as opened:
        yield opened


def taken_in(tx: Transaction, **changes: object) -> str | None:
    """The reason that is stored with the message when it has this in it."""
    raw = {**OF_THE_SERVER, "content": "@ops backup now --yes", **changes}
    (arrived,) = read_event({"type": "message", "message": raw, "flags": [], "id": 13})
    assert isinstance(arrived, MessageArrived)
    assert INTAKE.take(tx, arrived, SENT_AT + timedelta(seconds=1)) is None
    entry = inbox.by_message(tx, 1, OF_THE_SERVER["id"])
    assert entry is not None
    return entry.reason


def test_a02_what_the_server_sends_is_of_no_organization(tx: Transaction) -> None:
    assert taken_in(tx) == Reason.OTHER_REALM


@pytest.mark.parametrize("client", ["Internal", "irc_mirror", "zephyr_mirror"])
def test_a02_in_the_name_of_a_person_it_is_known_by_its_client(
    tx: Transaction, client: str
) -> None:
    assert taken_in(tx, sender_id=11, sender_realm_str="", client=client) == Reason.FOREIGN_CLIENT


def test_a07_that_an_account_was_switched_off_is_a_hint_and_its_answer_decides() -> None:
    assert read_event(SWITCHED_OFF) == (PersonChanged(13),)
    at = datetime(2026, 12, 24, tzinfo=UTC)
    alice, gone = read_person(ALICE), read_person({**ALICE, "is_active": False})
    assert judge_person(voter(alice, at)) is None
    assert judge_person(voter(gone, at)) is Reason.NOT_ACTIVE


def test_a09_the_age_of_an_account_is_told_to_the_minute() -> None:
    alice = read_person(ALICE)
    made = datetime(2026, 11, 23, 12, 56, tzinfo=UTC)
    assert alice.joined_at == made
    assert voter(alice, made + timedelta(days=7, seconds=-1)).is_new
    assert not voter(alice, made + timedelta(days=7)).is_new


def test_a13_of_another_organization_nobody_is_known() -> None:
    answer = understand(NOBODY, effect=False)
    assert isinstance(answer, Rejected)
    assert answer.is_final
