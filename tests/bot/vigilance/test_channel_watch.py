"""Who may read the channel, and how often that is looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.deciding.effects import ReadReadership
from bot.identity import UNKNOWN, Identity
from bot.vigilance.channel_watch import EVERY, ChannelWatch, opening
from bot.zulip_api.readership import Readership, read_readership
from bot.zulip_api.words import UnreadableError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LISTED = frozenset({4, 5, 9})
OURS = Identity(bot_id=9, bot_name="ops", channel_id=3, channel="ops")


def readership(*subscribers: int, private: bool = True, web_public: bool = False) -> Readership:
    return Readership(private, web_public, frozenset(subscribers))


@pytest.mark.parametrize(
    ("found", "how", "how_if_open"),
    [
        (readership(4, 5, 9), None, None),
        (readership(9), None, None),
        (readership(4, 5, 9, private=False), "public", None),
        (readership(4, 8, 9), "strangers", None),
        (readership(4, 9, private=False, web_public=True), "web", "web"),
        (readership(4, 9, web_public=True), "web", "web"),
        (None, "left", "left"),
    ],
)
def test_what_is_wrong_with_who_can_read_it(
    found: Readership | None, how: str | None, how_if_open: str | None
) -> None:
    for may_be_open, expected in ((False, how), (True, how_if_open)):
        opened = opening(found, LISTED, "ops", may_be_open=may_be_open)
        assert (opened.how if opened else None) == expected


def test_many_strangers_are_counted() -> None:
    opened = opening(readership(*range(20, 28)), LISTED, "ops", may_be_open=False)
    assert opened is not None
    assert "and 3 more are in #**ops**" in opened.text()


def test_it_is_looked_at_with_the_connection_and_then_well_within_a_minute() -> None:
    watch = ChannelWatch(OURS, may_be_open=False)
    look = (ReadReadership(3),)
    assert watch.owed(NOW) == look
    assert watch.owed(NOW + timedelta(seconds=20)) == ()
    assert watch.owed(NOW + EVERY) == look
    # The clock was set back: rather once too often.
    assert watch.owed(NOW - timedelta(hours=1)) == look
    assert EVERY + timedelta(seconds=20) < timedelta(seconds=60)


def test_nothing_is_looked_at_before_it_is_known_where() -> None:
    nowhere = Identity(bot_id=UNKNOWN, bot_name="ops", channel_id=UNKNOWN, channel="ops")
    assert ChannelWatch(nowhere, may_be_open=False).owed(NOW) == ()


def test_the_answer_of_zulip_is_read_for_the_one_channel() -> None:
    other = {"stream_id": 1, "invite_only": False, "is_web_public": True, "subscribers": [1]}
    ours = {"stream_id": 3, "invite_only": True, "is_web_public": False, "subscribers": [4, 9]}
    answer = {"subscriptions": [other, ours]}
    assert read_readership(answer, 3) == readership(4, 9)
    assert read_readership(answer, 2) is None


@pytest.mark.parametrize("wrong", [None, "4", [True], ["4"], [None]])
def test_subscribers_that_make_no_sense_are_unreadable(wrong: object) -> None:
    ours = {"stream_id": 3, "invite_only": True, "is_web_public": False, "subscribers": wrong}
    with pytest.raises(UnreadableError):
        read_readership({"subscriptions": [ours]}, 3)
