"""What was seen of the host before a job ended is not told as if it were seen after."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.commands import backups, history, status
from bot.commands.contract import Look
from bot.deciding.answering import Seen, are_outdated, wanted_looks
from jobs.observing.facts import Round

SEEN_AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ROUND = Round(SEEN_AT, SEEN_AT + timedelta(seconds=1), "boot", {})
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("facts", "ends", "outdated"),
    [
        (None, [], True),
        (ROUND, [], False),
        (ROUND, [None], False),
        (ROUND, [SEEN_AT - SECOND], False),
        (ROUND, [SEEN_AT - SECOND, SEEN_AT + SECOND], True),
    ],
)
def test_facts_are_outdated_once_a_job_has_ended_after_them(
    facts: Round | None, ends: list[datetime | None], outdated: bool
) -> None:
    assert are_outdated(facts, ends) is outdated


def test_only_what_shows_facts_waits_for_new_ones() -> None:
    assert wanted_looks(backups.COMMAND, Seen(), new_facts=True) == {Look.FRESH_FACTS}
    assert wanted_looks(status.COMMAND, Seen(), new_facts=True) == {Look.HEALTH, Look.FRESH_FACTS}
    assert wanted_looks(history.COMMAND, Seen(), new_facts=True) == set()


def test_facts_are_waited_for_once() -> None:
    seen = Seen(facts_since=SEEN_AT)
    assert wanted_looks(backups.COMMAND, seen, new_facts=True) == set()
