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
    Observation,
    Source,
    SourceSeen,
    State,
    Verdict,
    Vote,
    Voter,
    judge,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT, IAGO, DESDEMONA, HAMLET, POLONIUS = 17, 11, 10, 12, 13
SECOND = timedelta(seconds=1)
PERSON = Voter(is_human=True, is_active=True, is_guest=False)

CONFIRMATION = ConsentRequest(
    asker_id=IAGO,
    approvers=frozenset({IAGO}),
    needed=1,
    self_counts=True,
    plan_message_id=500,
    content_sha256="c" * 64,
    expires_at=NOW + timedelta(minutes=30),
    epoch=1,
)
APPROVAL = replace(
    CONFIRMATION,
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
    assert verdict == Verdict(State.WAITING, (), Cause.NOBODY_MAY)


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

    def test_look_that_took_no_time_counts(self) -> None:
        assert (
            state(APPROVAL, replace(seen(yes(HAMLET)), fetch_started_at=NOW - SECOND)) == "granted"
        )
        assert state(APPROVAL, replace(seen(yes(HAMLET)), fetch_ended_at=NOW)) == "granted"

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


class TestCommand:
    """Whoever consents has read the command above the plan."""

    WAS = Source(499, IAGO, "a" * 64)
    NOW = SourceSeen(499, IAGO, "a" * 64, edited=False, moved=False)
    REQUEST = replace(APPROVAL, command=WAS)

    def verdict(self, command: SourceSeen | None) -> Verdict:
        return judge(self.REQUEST, replace(seen(yes(HAMLET)), command=command), NOW, BOT)

    def test_consent_counts_while_the_command_stands(self) -> None:
        assert self.verdict(self.NOW) == Verdict(State.GRANTED, (HAMLET,), Cause.ENOUGH)

    def test_command_that_could_not_be_read_is_no_consent(self) -> None:
        assert self.verdict(None) == Verdict(State.WAITING, (), Cause.UNREADABLE)

    @pytest.mark.parametrize(
        ("command", "cause"),
        [
            (replace(NOW, gone=True), Cause.COMMAND_GONE),
            (replace(NOW, message_id=498), Cause.COMMAND_GONE),
            (replace(NOW, edited=True), Cause.COMMAND_EDITED),
            (replace(NOW, sender_id=HAMLET), Cause.COMMAND_EDITED),
            (replace(NOW, content_sha256="b" * 64), Cause.COMMAND_EDITED),
            (replace(NOW, moved=True), Cause.COMMAND_MOVED),
        ],
    )
    def test_command_that_is_not_what_it_was_voids_the_plan(
        self, command: SourceSeen, cause: Cause
    ) -> None:
        assert self.verdict(command) == Verdict(State.VOID, (), cause)

    def test_a_look_at_a_command_that_nobody_wrote_changes_nothing(self) -> None:
        observation = replace(seen(yes(HAMLET)), command=replace(self.NOW, gone=True))
        assert judge(APPROVAL, observation, NOW, BOT).state is State.GRANTED


def test_plan_message_that_was_deleted_is_void() -> None:
    observation = replace(seen(yes(DESDEMONA)), gone=True)
    assert judge(APPROVAL, observation, NOW, BOT) == Verdict(State.VOID, (), Cause.GONE)


def test_another_policy_voids_what_waits() -> None:
    observation = replace(seen(yes(DESDEMONA)), policy_sha256="p" * 64)
    verdict = judge(APPROVAL, observation, NOW, BOT)
    assert verdict == Verdict(State.VOID, (), Cause.OTHER_POLICY)


def test_a_word_is_looked_for_in_the_asker_s_own_message() -> None:
    word = replace(CONFIRMATION, sender_id=IAGO)
    said = replace(seen(), sender_id=IAGO, spoken=frozenset({IAGO}))

    assert judge(word, said, NOW, BOT) == Verdict(State.GRANTED, (IAGO,), Cause.ENOUGH)
    verdict = judge(word, replace(said, sender_id=BOT), NOW, BOT)
    assert verdict == Verdict(State.VOID, (), Cause.OTHER_SENDER)


def test_what_was_said_in_words_counts_like_a_reaction_and_once() -> None:
    two = replace(APPROVAL, needed=2)
    spoken = replace(seen(yes(HAMLET)), spoken=frozenset({HAMLET, POLONIUS, IAGO}))
    assert judge(two, spoken, NOW, BOT) == Verdict(State.WAITING, (HAMLET,), Cause.TOO_FEW)
    both = replace(spoken, spoken=frozenset({DESDEMONA}))
    verdict = judge(two, both, NOW, BOT)
    assert verdict == Verdict(State.GRANTED, (DESDEMONA, HAMLET), Cause.ENOUGH)


def test_asker_may_take_it_back_without_being_one_of_those_who_approve() -> None:
    others = replace(APPROVAL, approvers=frozenset({DESDEMONA}))
    verdict = judge(others, seen(yes(DESDEMONA), no(IAGO)), NOW, BOT)
    assert verdict == Verdict(State.REJECTED, (IAGO,), Cause.DENIED)


def test_cross_of_somebody_unlisted_stops_nothing_even_unread() -> None:
    observation = replace(seen(yes(DESDEMONA), no(99)), people={DESDEMONA: PERSON})
    assert state(APPROVAL, observation) == "granted"


def test_bot_that_asked_cannot_take_it_back() -> None:
    own = replace(APPROVAL, asker_id=BOT)
    observation = replace(seen(yes(DESDEMONA), no(BOT)), people={BOT: PERSON, DESDEMONA: PERSON})
    assert state(own, observation) == "granted"


def test_those_who_denied_are_named_in_order() -> None:
    verdict = judge(APPROVAL, seen(no(HAMLET), no(DESDEMONA)), NOW, BOT)
    assert verdict == Verdict(State.REJECTED, (DESDEMONA, HAMLET), Cause.DENIED)
