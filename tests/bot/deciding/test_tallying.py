"""Each vote is told once: counted, taken back, or not counted and why."""

from datetime import timedelta
from typing import Any

import pytest

from bot.deciding.tallying import Tallying
from bot.observations import Observation as Look
from bot.zulip_api.words import CHECK, CROSS, EYES, Emoji
from handlers.contract import Effect
from jobs.consent_rules import Cause, State, Verdict
from state.job_store import Job
from tests.bot.deciding.waiting_plan import (
    BOT,
    DESDEMONA,
    GONE,
    HAMLET,
    IAGO,
    NOW,
    POLONIUS,
    Desk,
    card_look,
    card_seen,
    look,
    message_seen,
    person,
    reaction,
)


def verdict(*by: int, state: State = State.WAITING) -> Verdict:
    return Verdict(state, by, Cause.TOO_FEW)


def count(
    desk: Desk, job: Job, came_to: Verdict | None = None, seen: Look | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """What this look has said that was not said before."""
    before = len(desk.said())
    tallying = Tallying(desk.outgoing, BOT)
    tallying.count(desk.tx, job, desk.request(job), came_to or verdict(), seen or GONE, NOW)
    return desk.said()[before:]


@pytest.fixture
def job(desk: Desk) -> Job:
    """Two other people have to approve it."""
    return desk.waiting(Effect.DESTRUCTIVE)


def test_a_vote_that_counts_is_told_once(desk: Desk, job: Job) -> None:
    assert count(desk, job, verdict(HAMLET)) == [
        ("vote_counted", {"job": job.id, "by": [HAMLET], "have": 1, "needed": 2})
    ]
    assert count(desk, job, verdict(HAMLET)) == []
    assert desk.request(job).told == {"counted": [HAMLET], "ignored": []}


def test_only_the_new_one_is_told(desk: Desk, job: Job) -> None:
    count(desk, job, verdict(HAMLET))
    assert count(desk, job, verdict(DESDEMONA, HAMLET)) == [
        ("vote_counted", {"job": job.id, "by": [DESDEMONA], "have": 2, "needed": 2})
    ]


def test_a_vote_that_is_taken_back_is_told(desk: Desk, job: Job) -> None:
    count(desk, job, verdict(DESDEMONA, HAMLET))
    assert count(desk, job, verdict(HAMLET)) == [
        ("vote_taken_back", {"job": job.id, "by": [DESDEMONA], "have": 1, "needed": 2})
    ]
    assert desk.request(job).told["counted"] == [HAMLET]


def test_one_back_and_one_new_are_both_told(desk: Desk, job: Job) -> None:
    count(desk, job, verdict(DESDEMONA))
    assert [kind for kind, _ in count(desk, job, verdict(HAMLET))] == [
        "vote_taken_back",
        "vote_counted",
    ]


def test_the_last_vote_is_told_with_the_consent(desk: Desk, job: Job) -> None:
    assert count(desk, job, verdict(DESDEMONA, HAMLET, state=State.GRANTED)) == []


def test_a_confirmation_is_not_counted_aloud(desk: Desk) -> None:
    job = desk.waiting(Effect.ROUTINE)
    assert count(desk, job, verdict(IAGO)) == []
    assert count(desk, job, verdict()) == [
        ("vote_taken_back", {"job": job.id, "by": [IAGO], "have": 0, "needed": 1})
    ]


def ignored(desk: Desk, job: Job, *who: int, emoji: Emoji = CHECK) -> list[tuple[int, str]]:
    said = count(desk, job, seen=card_look(*(reaction(one, emoji) for one in who)))
    assert all(kind == "vote_ignored" and facts["job"] == job.id for kind, facts in said)
    return [(facts["user_id"], facts["why"]) for _, facts in said]


@pytest.mark.parametrize(
    ("who", "emoji", "expected"),
    [
        (HAMLET, CHECK, []),
        (HAMLET, CROSS, []),
        (POLONIUS, CHECK, [(POLONIUS, "unlisted")]),
        (POLONIUS, CROSS, [(POLONIUS, "unlisted")]),
        (POLONIUS, EYES, []),
        (IAGO, CHECK, [(IAGO, "asker")]),
        # Whoever asked may always take it back.
        (IAGO, CROSS, []),
        (BOT, CHECK, []),
        (BOT, CROSS, []),
    ],
)
def test_a_vote_that_does_not_count_is_told_with_its_reason(
    desk: Desk, job: Job, who: int, emoji: Emoji, expected: list[tuple[int, str]]
) -> None:
    assert ignored(desk, job, who, emoji=emoji) == expected


def test_the_asker_counts_where_the_policy_says_so(desk: Desk, job: Job) -> None:
    desk.change(job, self_counts=True)
    assert ignored(desk, job, IAGO) == []
    desk.change(job, approvers=[HAMLET])
    assert ignored(desk, job, IAGO) == [(IAGO, "unlisted")]


def test_a_listed_account_that_cannot_count_is_told(desk: Desk, job: Job) -> None:
    plan = card_seen(reaction(HAMLET), reaction(DESDEMONA))
    guest = {HAMLET: person(HAMLET, is_guest=True), DESDEMONA: person(DESDEMONA)}

    assert count(desk, job, seen=look(message_seen(plan, people=guest))) == [
        ("vote_ignored", {"job": job.id, "user_id": HAMLET, "why": "account"})
    ]


def test_a_tick_of_an_account_that_is_new_is_told(desk: Desk, job: Job) -> None:
    new = {HAMLET: person(HAMLET, joined_at=NOW - timedelta(days=6))}
    for emoji, said in ((CROSS, []), (CHECK, [(HAMLET, "new")])):
        plan = card_seen(reaction(HAMLET, emoji))
        told = count(desk, job, seen=look(message_seen(plan, people=new)))
        assert [(facts["user_id"], facts["why"]) for _, facts in told] == said


def test_the_asker_s_own_account_may_be_new(desk: Desk, job: Job) -> None:
    desk.change(job, self_counts=True)
    new = {IAGO: person(IAGO, joined_at=NOW)}
    plan = card_seen(reaction(IAGO))
    assert count(desk, job, seen=look(message_seen(plan, people=new))) == []


def test_a_listed_person_who_could_not_be_read_is_not_told(desk: Desk, job: Job) -> None:
    """The next look may see that they count."""
    unread = message_seen(card_seen(reaction(HAMLET)), people={})
    assert count(desk, job, seen=look(unread)) == []


def test_what_does_not_count_is_said_once_and_of_three_people(desk: Desk, job: Job) -> None:
    assert ignored(desk, job, 21) == [(21, "unlisted")]
    assert ignored(desk, job, 21, 23, 22, 24) == [(22, "unlisted"), (23, "unlisted")]
    assert desk.request(job).told["ignored"] == [21, 22, 23, 24]
    assert ignored(desk, job, 25, 26) == []
    assert desk.request(job).told["ignored"] == [21, 22, 23, 24, 25, 26]


def test_a_reason_that_went_away_is_not_told_again(desk: Desk, job: Job) -> None:
    assert ignored(desk, job, POLONIUS) == [(POLONIUS, "unlisted")]
    assert ignored(desk, job) == []
    assert ignored(desk, job, POLONIUS) == []


def test_a_plan_that_was_not_seen_says_nothing_of_votes(desk: Desk, job: Job) -> None:
    assert count(desk, job) == []
    assert desk.request(job).told == {"counted": [], "ignored": []}


def test_the_first_emoji_that_means_nothing_hides_no_later_one(desk: Desk, job: Job) -> None:
    seen = card_look(
        reaction(BOT), reaction(HAMLET, EYES), reaction(IAGO, CROSS), reaction(POLONIUS)
    )
    assert [facts["user_id"] for _, facts in count(desk, job, seen=seen)] == [POLONIUS]


def test_it_is_told_at_the_moment_it_is_decided_in_the_jobs_topic(desk: Desk, job: Job) -> None:
    count(desk, job, verdict(HAMLET), card_look(reaction(POLONIUS)))
    assert desk.posted_at() == {(job.id, NOW)}
