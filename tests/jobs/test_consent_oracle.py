"""Consent judged against a second, plainer reading of the same rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.consent_rules import (
    NO,
    UNICODE_EMOJI,
    YES,
    ConsentRequest,
    Observation,
    State,
    Vote,
    Voter,
    judge,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

IDS = st.integers(1, 5)
VOTES = st.builds(
    Vote,
    IDS,
    st.sampled_from([YES, YES, NO, "2714", "274C"]),
    st.sampled_from([UNICODE_EMOJI, UNICODE_EMOJI, UNICODE_EMOJI, "realm_emoji"]),
)
MOSTLY = st.sampled_from([True] * 7 + [False])
PEOPLE = st.dictionaries(
    IDS,
    st.builds(Voter, is_human=MOSTLY, is_active=MOSTLY, is_guest=MOSTLY.map(lambda it: not it)),
    min_size=3,
)
REQUESTS = st.builds(
    ConsentRequest,
    asker_id=IDS,
    approvers=st.frozensets(IDS),
    needed=st.integers(0, 3),
    self_counts=st.booleans(),
    plan_message_id=st.just(500),
    content_sha256=st.just("c"),
    expires_at=st.sampled_from([NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2)]),
    epoch=st.just(1),
)
RARELY = MOSTLY.map(lambda it: not it)
OBSERVATIONS = st.builds(
    Observation,
    epoch=st.sampled_from([1] * 9 + [2]),
    message_id=st.sampled_from([500] * 9 + [501]),
    sender_id=st.sampled_from([5] * 9 + [4]),
    content_sha256=st.sampled_from(["c"] * 9 + ["d"]),
    edited=RARELY,
    moved=RARELY,
    reactions=st.lists(VOTES, max_size=8).map(tuple),
    people=PEOPLE,
    fetch_started_at=st.sampled_from([2, 3, 9, 11]).map(lambda s: NOW - timedelta(seconds=s)),
    fetch_ended_at=st.sampled_from([1, 1, 1, 5, -1]).map(lambda s: NOW - timedelta(seconds=s)),
    unreadable=RARELY,
)


def oracle_grants(request: ConsentRequest, look: Observation, bot_id: int) -> bool:
    """Written from the rules again: every reason why not, each on its own."""
    trustworthy = [
        not look.unreadable,
        not look.edited,
        not look.moved,
        look.epoch == request.epoch,
        look.message_id == request.plan_message_id,
        look.sender_id == bot_id,
        look.content_sha256 == request.content_sha256,
        request.expires_at > NOW,
        look.fetch_started_at <= look.fetch_ended_at <= NOW,
        (NOW - look.fetch_started_at).total_seconds() <= 10,
    ]
    ticks = set()
    for person in range(1, 6):
        counts = person in request.approvers and person != bot_id
        if person == request.asker_id and not request.self_counts:
            counts = False
        kinds = [(v.emoji_code, v.reaction_type) for v in look.reactions if v.user_id == person]
        known = look.people.get(person)
        sound = known is not None and known.is_human and known.is_active and not known.is_guest
        stops = counts or (person == request.asker_id and person != bot_id)
        if stops and ("274c", "unicode_emoji") in kinds and (sound or known is None):
            return False
        if counts and ("2705", "unicode_emoji") in kinds and sound:
            ticks.add(person)
    return all(trustworthy) and 0 < request.needed <= len(ticks)


@settings(deadline=None, max_examples=1500)
@given(REQUESTS, OBSERVATIONS)
def test_granted_exactly_where_the_rules_say_so(request: ConsentRequest, look: Observation) -> None:
    verdict = judge(request, look, NOW, bot_id=5)
    assert (verdict.state is State.GRANTED) is oracle_grants(request, look, bot_id=5)


@settings(deadline=None, max_examples=500)
@given(REQUESTS, OBSERVATIONS)
def test_whoever_is_named_was_listed_and_is_not_the_bot(
    request: ConsentRequest, look: Observation
) -> None:
    verdict = judge(request, look, NOW, bot_id=5)

    # Whoever asked may take it back, listed or not.
    asker = {request.asker_id} if verdict.state is State.REJECTED else set()
    assert set(verdict.by) <= (request.approvers | asker) - {5}
    assert list(verdict.by) == sorted(set(verdict.by))
    if verdict.state in (State.EXPIRED, State.VOID):
        assert verdict.by == ()


@settings(deadline=None, max_examples=500)
@given(REQUESTS, OBSERVATIONS, IDS)
def test_another_cross_never_grants(
    request: ConsentRequest, look: Observation, user_id: int
) -> None:
    before = judge(request, look, NOW, bot_id=5)
    after = judge(
        request,
        replace(look, reactions=(*look.reactions, Vote(user_id, NO, UNICODE_EMOJI))),
        NOW,
        bot_id=5,
    )

    assert after.state is not State.GRANTED or before.state is State.GRANTED


@settings(deadline=None, max_examples=300)
@given(REQUESTS, OBSERVATIONS, st.randoms())
def test_order_and_repetition_of_reactions_change_nothing(
    request: ConsentRequest, look: Observation, random: Random
) -> None:
    shuffled = [*look.reactions, *look.reactions]
    random.shuffle(shuffled)

    again = judge(request, replace(look, reactions=tuple(shuffled)), NOW, bot_id=5)

    assert again == judge(request, look, NOW, bot_id=5)
