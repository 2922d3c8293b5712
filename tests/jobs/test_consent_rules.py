"""What counts as consent, and everything that does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs.consent_rules import (
    NO,
    UNICODE_EMOJI,
    YES,
    Cause,
    ConsentRequest,
    Kind,
    Observation,
    State,
    Verdict,
    Vote,
    Voter,
    judge,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT, IAGO, DESDEMONA, HAMLET, POLONIUS = 17, 11, 10, 12, 13
PERSON = Voter(is_human=True, is_active=True, is_guest=False)

CONFIRMATION = ConsentRequest(
    kind=Kind.CONFIRMATION,
    asker_id=IAGO,
    approvers=frozenset({IAGO}),
    needed=1,
    self_counts=True,
    plan_message_id=500,
    content_sha256="c" * 64,
    fingerprint="f" * 64,
    expires_at=NOW + timedelta(minutes=30),
    epoch=1,
)
APPROVAL = replace(
    CONFIRMATION,
    kind=Kind.APPROVAL,
    approvers=frozenset({IAGO, DESDEMONA, HAMLET}),
    self_counts=False,
)


def yes(user_id: int) -> Vote:
    return Vote(user_id, YES, UNICODE_EMOJI)


def no(user_id: int) -> Vote:
    return Vote(user_id, NO, UNICODE_EMOJI)


def seen(*reactions: Vote) -> Observation:
    return Observation(
        epoch=1,
        message_id=500,
        sender_id=BOT,
        content_sha256="c" * 64,
        edited=False,
        moved=False,
        reactions=reactions,
        people=dict.fromkeys((IAGO, DESDEMONA, HAMLET, POLONIUS), PERSON),
        fetch_started_at=NOW - timedelta(seconds=2),
        fetch_ended_at=NOW - timedelta(seconds=1),
    )


def state(request: ConsentRequest, observation: Observation) -> str:
    return judge(request, observation, NOW, BOT).state


def test_asker_confirms_with_the_tick() -> None:
    verdict = judge(CONFIRMATION, seen(yes(IAGO)), NOW, BOT)
    assert verdict == Verdict(State.GRANTED, (IAGO,), Cause.ENOUGH)


def test_nothing_is_granted_without_a_reaction() -> None:
    assert judge(CONFIRMATION, seen(), NOW, BOT) == Verdict(State.WAITING, (), Cause.TOO_FEW)


def test_asker_ends_it_with_the_cross() -> None:
    verdict = judge(CONFIRMATION, seen(yes(IAGO), no(IAGO)), NOW, BOT)
    assert verdict == Verdict(State.REJECTED, (IAGO,), Cause.DENIED)


def test_nobody_else_confirms_for_the_asker() -> None:
    assert state(CONFIRMATION, seen(yes(DESDEMONA))) == "waiting"


def test_nobody_else_ends_a_confirmation() -> None:
    assert state(CONFIRMATION, seen(no(DESDEMONA), yes(IAGO))) == "granted"


def test_asker_is_not_the_other_person() -> None:
    assert state(APPROVAL, seen(yes(IAGO))) == "waiting"
    assert state(APPROVAL, seen(yes(DESDEMONA))) == "granted"


def test_cross_of_an_eligible_person_beats_every_tick() -> None:
    verdict = judge(APPROVAL, seen(yes(DESDEMONA), no(HAMLET)), NOW, BOT)
    assert verdict == Verdict(State.REJECTED, (HAMLET,), Cause.DENIED)


def test_one_person_counts_once() -> None:
    two = replace(APPROVAL, needed=2)

    assert judge(two, seen(yes(HAMLET), yes(HAMLET)), NOW, BOT) == Verdict(
        State.WAITING, (HAMLET,), Cause.TOO_FEW
    )
    assert judge(two, seen(yes(HAMLET), yes(DESDEMONA)), NOW, BOT) == Verdict(
        State.GRANTED, (DESDEMONA, HAMLET), Cause.ENOUGH
    )


def test_bot_never_counts_even_where_the_policy_lists_it() -> None:
    listed = replace(APPROVAL, approvers=frozenset({BOT}))
    observation = replace(seen(yes(BOT)), people={BOT: PERSON})

    assert judge(listed, observation, NOW, BOT).reason is Cause.NOBODY_MAY
    assert state(listed, replace(observation, reactions=(no(BOT),))) == "waiting"


def test_empty_list_is_never_granted() -> None:
    nobody = replace(APPROVAL, approvers=frozenset())
    assert judge(nobody, seen(yes(DESDEMONA)), NOW, BOT).reason is Cause.NOBODY_MAY


@pytest.mark.parametrize("needed", [0, -1])
def test_request_that_needs_nobody_is_never_granted(needed: int) -> None:
    verdict = judge(replace(APPROVAL, needed=needed), seen(yes(DESDEMONA)), NOW, BOT)
    assert (verdict.state, verdict.reason) == (State.WAITING, Cause.NOBODY_MAY)


@pytest.mark.parametrize(
    "voter",
    [
        Voter(is_human=False, is_active=True, is_guest=False),
        Voter(is_human=True, is_active=False, is_guest=False),
        Voter(is_human=True, is_active=True, is_guest=True),
    ],
)
def test_listed_person_who_is_not_eligible_now_does_not_count(voter: Voter) -> None:
    for vote in (yes(HAMLET), no(HAMLET)):
        observation = replace(seen(vote), people={HAMLET: voter})
        assert state(APPROVAL, observation) == "waiting"


def test_account_that_was_made_lately_is_nobodys_second_person() -> None:
    made_lately = replace(PERSON, is_new=True)
    looked = replace(seen(yes(HAMLET)), people={HAMLET: made_lately})
    assert judge(APPROVAL, looked, NOW, BOT) == Verdict(State.WAITING, (), Cause.TOO_FEW)
    stopped = replace(looked, reactions=(no(HAMLET),))
    assert judge(APPROVAL, stopped, NOW, BOT).state is State.REJECTED


def test_asker_confirms_however_new_their_account_is() -> None:
    looked = replace(seen(yes(IAGO)), people={IAGO: replace(PERSON, is_new=True)})
    assert state(CONFIRMATION, looked) == State.GRANTED


def test_tick_of_an_unreadable_person_does_not_count() -> None:
    observation = replace(seen(yes(HAMLET)), people={})
    assert judge(APPROVAL, observation, NOW, BOT) == Verdict(State.WAITING, (), Cause.TOO_FEW)


def test_cross_of_a_listed_unreadable_person_holds_it_up() -> None:
    observation = replace(seen(yes(DESDEMONA), no(HAMLET)), people={DESDEMONA: PERSON})

    verdict = judge(APPROVAL, observation, NOW, BOT)

    assert verdict == Verdict(State.WAITING, (DESDEMONA,), Cause.UNREADABLE)


#: Emoji that look like consent, and reactions that call themselves so.
NEAR_MISSES = [
    ("2714", UNICODE_EMOJI),  # heavy check mark
    ("2713", UNICODE_EMOJI),
    ("2611", UNICODE_EMOJI),  # ballot box
    ("1f5f8", UNICODE_EMOJI),
    ("1f5f9", UNICODE_EMOJI),
    ("1f44d", UNICODE_EMOJI),  # thumbs up
    ("1f44c", UNICODE_EMOJI),
    ("1f197", UNICODE_EMOJI),
    ("1f7e2", UNICODE_EMOJI),
    ("2795", UNICODE_EMOJI),
    ("1f680", UNICODE_EMOJI),
    ("1f389", UNICODE_EMOJI),
    ("2764", UNICODE_EMOJI),
    ("1f440", UNICODE_EMOJI),
    ("2705-fe0f", UNICODE_EMOJI),
    ("2705 ", UNICODE_EMOJI),
    (" 2705", UNICODE_EMOJI),
    ("02705", UNICODE_EMOJI),
    ("U+2705", UNICODE_EMOJI),
    ("0x2705", UNICODE_EMOJI),
    ("\u2705", UNICODE_EMOJI),
    ("２７０５", UNICODE_EMOJI),
    ("2705,2705", UNICODE_EMOJI),
    ("27051", UNICODE_EMOJI),
    ("270", UNICODE_EMOJI),
    ("", UNICODE_EMOJI),
    ("check", UNICODE_EMOJI),
    ("white_check_mark", UNICODE_EMOJI),
    ("2705", "realm_emoji"),
    ("2705", "zulip_extra_emoji"),
    ("2705", "UNICODE_EMOJI"),
    ("2705", "unicode"),
    ("2705", ""),
    ("zulip", "zulip_extra_emoji"),
    ("274c", "realm_emoji"),
    ("274C", UNICODE_EMOJI),
    ("274e", UNICODE_EMOJI),
    ("2716", UNICODE_EMOJI),
    ("1f44e", UNICODE_EMOJI),
    ("1f6d1", UNICODE_EMOJI),
]


@pytest.mark.parametrize(("emoji_code", "reaction_type"), NEAR_MISSES)
def test_only_the_exact_emoji_count(emoji_code: str, reaction_type: str) -> None:
    verdict = judge(APPROVAL, seen(Vote(HAMLET, emoji_code, reaction_type)), NOW, BOT)
    assert verdict == Verdict(State.WAITING, (), Cause.TOO_FEW)


@pytest.mark.parametrize(
    ("observation", "cause"),
    [
        (replace(seen(yes(DESDEMONA)), edited=True), Cause.EDITED),
        (replace(seen(yes(DESDEMONA)), moved=True), Cause.MOVED),
        (replace(seen(yes(DESDEMONA)), content_sha256="d" * 64), Cause.OTHER_CONTENT),
        (replace(seen(yes(DESDEMONA)), sender_id=IAGO), Cause.OTHER_SENDER),
        (replace(seen(yes(DESDEMONA)), epoch=2), Cause.OTHER_EPOCH),
    ],
)
def test_plan_that_is_no_longer_what_was_posted_is_void(
    observation: Observation, cause: Cause
) -> None:
    assert judge(APPROVAL, observation, NOW, BOT) == Verdict(State.VOID, (), cause)


def test_void_stays_void_however_old_the_look_is() -> None:
    observation = replace(
        seen(yes(DESDEMONA)), edited=True, fetch_started_at=NOW - timedelta(minutes=5)
    )
    assert state(APPROVAL, observation) == "void"


def test_unreadable_is_no() -> None:
    observation = replace(seen(yes(DESDEMONA)), unreadable=True, edited=True)
    verdict = judge(APPROVAL, observation, NOW, BOT)
    assert verdict == Verdict(State.WAITING, (), Cause.UNREADABLE)


def test_look_at_another_message_decides_nothing() -> None:
    observation = replace(seen(yes(DESDEMONA)), message_id=501, edited=True)
    verdict = judge(APPROVAL, observation, NOW, BOT)
    assert verdict == Verdict(State.WAITING, (), Cause.OTHER_MESSAGE)


class TestTime:
    @pytest.mark.parametrize(("seconds", "expected"), [(10, "granted"), (10.001, "waiting")])
    def test_look_counts_for_ten_seconds_from_its_start(
        self, seconds: float, expected: str
    ) -> None:
        started = NOW - timedelta(seconds=seconds)
        assert state(APPROVAL, replace(seen(yes(HAMLET)), fetch_started_at=started)) == expected

    def test_old_look_does_not_reject_either(self) -> None:
        started = NOW - timedelta(minutes=1)
        verdict = judge(APPROVAL, replace(seen(no(HAMLET)), fetch_started_at=started), NOW, BOT)
        assert verdict == Verdict(State.WAITING, (), Cause.OUTDATED)

    def test_look_that_began_before_the_last_hint_has_not_seen_it(self) -> None:
        observation = seen(yes(HAMLET))
        started = observation.fetch_started_at

        for hint, expected in [
            (started - timedelta(microseconds=1), State.GRANTED),
            (started, State.WAITING),
            (NOW, State.WAITING),
        ]:
            assert judge(APPROVAL, observation, NOW, BOT, hint).state is expected

    def test_look_from_a_clock_that_was_set_does_not_count(self) -> None:
        future = replace(seen(yes(HAMLET)), fetch_ended_at=NOW + timedelta(seconds=1))
        backwards = replace(seen(yes(HAMLET)), fetch_ended_at=NOW - timedelta(seconds=3))

        assert state(APPROVAL, future) == "waiting"
        assert state(APPROVAL, backwards) == "waiting"

    @pytest.mark.parametrize("field", ["now", "fetch_started_at", "fetch_ended_at"])
    def test_earliest_clock_that_says_so_ends_it(self, field: str) -> None:
        request = replace(APPROVAL, expires_at=NOW + timedelta(seconds=1))
        observation = seen(yes(HAMLET))
        now = NOW
        if field == "now":
            now = request.expires_at
        elif field == "fetch_started_at":
            observation = replace(observation, fetch_started_at=request.expires_at)
        else:
            observation = replace(observation, fetch_ended_at=request.expires_at)

        verdict = judge(request, observation, now, BOT)

        assert verdict == Verdict(State.EXPIRED, (), Cause.TIME_IS_UP)

    def test_last_moment_still_counts(self) -> None:
        request = replace(APPROVAL, expires_at=NOW + timedelta(microseconds=1))
        assert state(request, seen(yes(HAMLET))) == "granted"
