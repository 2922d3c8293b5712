"""What the bot's account says is the bot's own, or an alarm."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.deciding.following import Following
from bot.deciding.outgoing import Outgoing
from bot.events import MessageArrived
from bot.vigilance import own_account, read_only
from bot.zulip_api.words import Message
from handlers.contract import JSON
from handlers.host.settings import HostSettings
from jobs.configuration import Policy
from jobs.engine import Engine
from state import epochs, outbox
from state.database import Transaction, open_database
from state.outbox import NewRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT = 9
FOLLOWING = Following(
    Engine(1, "host", HostSettings(root=Path("/nowhere")), (), Policy()), Outgoing(3, "ops", "ops")
)


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    with closing(open_database(tmp_path / "zulip-ops.db")) as database, database.write() as opened:
        yield opened


def arrived(
    message_id: int, *, participants: tuple[int, ...] = (), out_of_turn: bool = False
) -> MessageArrived:
    message = Message(
        id=message_id,
        sender_id=BOT,
        sender_name="ops",
        sender_realm="",
        channel_id=None if participants else 3,
        topic="" if participants else "talk",
        participants=participants,
        content="Hello",
        client="zulip-ops/0.1",
        sent_at=NOW,
        mentioned=False,
        reactions=(),
        changes=(),
        edited=False,
        moved=False,
    )
    return MessageArrived(message, out_of_turn=out_of_turn)


def row(tx: Transaction, lane: str) -> int:
    """Something of ours that is just being sent."""
    target: dict[str, JSON] = {"type": "topic", "channel_id": 3, "topic": lane}
    new = NewRow(lane, "post", target, "refusal", {}, 2, NOW)
    row_id = outbox.add(tx, new)
    assert outbox.mark_sending(tx, row_id, NOW)
    return row_id


def is_alarmed(tx: Transaction, after: timedelta) -> bool:
    for _ in range(2):
        own_account.overdue(tx, FOLLOWING, NOW + after)
    return read_only.because(tx) is not None


def test_what_was_sent_before_it_came_in_is_ours(tx: Transaction) -> None:
    outbox.mark_sent(tx, row(tx, "a"), 100, NOW)
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, timedelta(hours=1))


def test_what_comes_in_before_its_sending_is_known_is_ours_in_the_end(tx: Transaction) -> None:
    sending = row(tx, "a")
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, own_account.PATIENCE)
    outbox.mark_sent(tx, sending, 100, NOW)
    assert not is_alarmed(tx, timedelta(hours=1))


def test_what_nobody_of_us_sent_is_an_alarm_within_a_minute(tx: Transaction) -> None:
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, own_account.PATIENCE - timedelta(seconds=1))
    assert is_alarmed(tx, own_account.PATIENCE)
    assert own_account.PATIENCE + 2 * timedelta(seconds=20) < timedelta(seconds=60)


def test_a_clock_that_is_set_forward_is_no_alarm(tx: Transaction) -> None:
    sending = row(tx, "a")
    own_account.spoke(tx, arrived(100), NOW)
    own_account.overdue(tx, FOLLOWING, NOW + timedelta(days=1))
    outbox.mark_sent(tx, sending, 100, NOW + timedelta(days=1))
    assert not is_alarmed(tx, timedelta(days=2))


def test_a_clock_that_is_set_back_puts_no_alarm_off(tx: Transaction) -> None:
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, -timedelta(days=1))
    assert is_alarmed(tx, own_account.PATIENCE - timedelta(days=1))


def test_a_sending_in_doubt_is_waited_for_and_not_for_ever(tx: Transaction) -> None:
    row(tx, "a")
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, own_account.PATIENCE_IN_DOUBT - timedelta(seconds=1))
    assert is_alarmed(tx, own_account.PATIENCE_IN_DOUBT)


def test_what_was_sent_just_before_an_epoch_ended_is_ours(tx: Transaction) -> None:
    outbox.mark_sent(tx, row(tx, "a"), 100, NOW)
    outbox.mark_sent(tx, row(tx, "b"), 101, NOW - timedelta(hours=1))
    epochs.begin(tx, same_server=True, reason="went_back", actor="test", at=NOW)
    own_account.spoke(tx, arrived(100), NOW)
    assert not is_alarmed(tx, timedelta(minutes=1))
    own_account.spoke(tx, arrived(101), NOW)
    assert is_alarmed(tx, timedelta(minutes=1)), "that number is another message's now"


def test_it_is_told_once(tx: Transaction) -> None:
    own_account.spoke(tx, arrived(100), NOW)
    assert is_alarmed(tx, timedelta(minutes=1))
    told = outbox.count_pending(tx)
    own_account.spoke(tx, arrived(101), NOW)
    assert is_alarmed(tx, timedelta(minutes=2))
    assert outbox.count_pending(tx) == told


def test_a_message_is_in_doubt_since_it_first_came_in(tx: Transaction) -> None:
    own_account.spoke(tx, arrived(100), NOW)
    own_account.spoke(tx, arrived(100), NOW + timedelta(seconds=14))
    assert is_alarmed(tx, own_account.PATIENCE)


@pytest.mark.parametrize(
    "harmless", [arrived(100, participants=(BOT,)), arrived(100, out_of_turn=True)]
)
def test_words_to_itself_and_imported_ones_are_no_alarm(
    tx: Transaction, harmless: MessageArrived
) -> None:
    own_account.spoke(tx, harmless, NOW)
    assert not is_alarmed(tx, timedelta(hours=1))


def test_words_to_somebody_else_alone_are(tx: Transaction) -> None:
    own_account.spoke(tx, arrived(100, participants=(5, BOT)), NOW)
    assert is_alarmed(tx, timedelta(minutes=1))
