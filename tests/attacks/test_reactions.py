"""Attacks by reaction: only ✅ itself counts, of the right people, on the plan itself."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from bot.demo.zulip.model import reacting
from bot.demo.zulip.model.people import Person
from jobs.consent_rules import (
    NO,
    UNICODE_EMOJI,
    YES,
    Cause,
    ConsentRequest,
    State,
    Verdict,
    Vote,
    judge,
)
from state import approval_store, audit_log, outbox
from state.job_store import Job
from state.outbox import NewRow
from tests.acceptance.conversation import Conversation
from tests.attacks.outcome import ignored, waiting
from tests.jobs.test_consent_rules import (
    APPROVAL,
    BOT,
    DESDEMONA,
    HAMLET,
    IAGO,
    NEAR_MISSES,
    NOW,
    no,
    seen,
    yes,
)

RACES = 10_000
FLOOD = 10_000
#: Long enough for any flood, and far below one for each reaction.
MOST_LOOKS = 20
TOO_FEW = Verdict(State.WAITING, (), Cause.TOO_FEW)


def card_of(talk: Conversation, job: Job) -> int:
    return talk.card(job.id).id


def put(talk: Conversation, person: Person, message_id: int, *choice: str) -> None:
    """Name, code and type as Zulip may have stored them, whatever its clients send."""
    name, code, kind = choice
    with talk.stage.zulip.changing() as realm:
        reacting.react(realm, person, message_id, (name, code, kind))


def expect_nobody_counted(talk: Conversation, cast: Cast, job: Job) -> None:
    """The plan is looked at whole, nobody's reaction is a yes, and so it expires."""
    talk.react(cast.cordelia, card_of(talk, job))
    assert ignored(talk, job, cast.cordelia) == "unlisted"
    request = talk.read(lambda tx: approval_store.get(tx, job.id))
    assert request is not None
    assert (request.status, request.told["counted"]) == ("open", [])
    talk.let_pass(timedelta(minutes=61))
    ended = talk.reached(job.id, "expired")
    assert (ended.reason, ended.started_at) == ("expired", None)


def test_a32_an_uploaded_emoji_of_the_same_name_does_not_count(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast.iago)
    put(talk, cast.hamlet, card_of(talk, job), "check", "17", "realm_emoji")
    put(talk, cast.desdemona, card_of(talk, job), "check", "2705", "realm_emoji")
    expect_nobody_counted(talk, cast, job)


def test_a33_another_emoji_under_the_name_does_not_count(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    put(talk, cast.hamlet, card_of(talk, job), "check", "1f44d", UNICODE_EMOJI)
    expect_nobody_counted(talk, cast, job)


def test_a33_the_emoji_counts_under_whatever_name(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    # Whoever comes second gets the name of the first, unseen.
    put(talk, cast.cordelia, card_of(talk, job), "wastebasket", "2705", UNICODE_EMOJI)
    talk.react(cast.hamlet, card_of(talk, job))
    talk.reached(job.id, "succeeded")
    request = talk.read(lambda tx: approval_store.get(tx, job.id))
    assert request is not None
    assert (request.status, request.votes) == ("consumed", [cast.hamlet.id])


def test_a34_no_emoji_that_looks_like_a_check_mark_counts(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    for code, kind in NEAR_MISSES:
        put(talk, cast.hamlet, card_of(talk, job), "check", code, kind)
    expect_nobody_counted(talk, cast, job)


def test_a35_the_bots_own_reaction_does_not_count() -> None:
    listed = {BOT, HAMLET}
    assert judge(_approved_by(listed), seen(yes(BOT)), NOW, BOT) == TOO_FEW
    # Nor can whoever holds its key end with it what others decide.
    assert judge(_approved_by(listed), seen(no(BOT)), NOW, BOT) == TOO_FEW


def test_a36_a_yes_that_is_gone_before_it_is_judged_does_not_count(
    talk: Conversation, cast: Cast
) -> None:
    job, zulip = waiting(talk, cast.iago), talk.stage.zulip
    card = card_of(talk, job)
    talk.settled()
    slow = Fault(
        Trouble.DELAY,
        method="GET",
        path=f"/api/v1/messages/{card}",
        user=cast.bot.email,
        after_effect=True,
        wait=timedelta(seconds=1),
    )
    zulip.faults.plan(slow)
    talk.react(cast.hamlet, card)
    talk.until(lambda: zulip.faults.hits() == 1, "✅ is read, and the answer is under way")
    talk.unreact(cast.hamlet, card)
    expect_nobody_counted(talk, cast, job)
    assert not any(
        one.action == "consent latched" and one.detail["job"] == job.id
        for one in talk.read(lambda tx: audit_log.page(tx, limit=100))
    )


PLAY = st.lists(
    st.tuples(
        st.sampled_from([YES, YES, "2714", "1f44d"]),
        st.sampled_from([UNICODE_EMOJI, "realm_emoji"]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=300)
@given(PLAY)
def test_a37_one_person_is_one_whatever_they_add_and_take_back(
    moves: list[tuple[str, str, bool]],
) -> None:
    reactions: list[Vote] = []
    for code, kind, adds in moves:
        vote = Vote(HAMLET, code, kind)
        reactions = [*reactions, vote] if adds else [one for one in reactions if one != vote]
    two = _approved_by({DESDEMONA, HAMLET}, needed=2)
    verdict = judge(two, seen(*reactions), NOW, BOT)
    assert verdict.reason is Cause.TOO_FEW
    assert verdict.by == ((HAMLET,) if Vote(HAMLET, YES, UNICODE_EMOJI) in reactions else ())


def test_a38_a_yes_beside_the_plan_does_not_count(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    card = talk.card(job.id)
    quoted = talk.say(cast.hamlet, f"```quote\n{card.content}\n```", topic=card.topic)
    pasted = talk.say(cast.hamlet, card.content, topic=card.topic)
    pointers = [one.id for one in talk.from_bot() if f"job #{job.id}" in one.content.casefold()]
    assert pointers
    for message_id in {quoted, pasted, *pointers} - {card.id}:
        talk.react(cast.desdemona, message_id)
    expect_nobody_counted(talk, cast, job)


def test_a39_a_no_beside_any_number_of_yes_wins() -> None:
    lot = Random(39)
    people = [IAGO, DESDEMONA, HAMLET]
    for _ in range(RACES):
        votes = [Vote(one, YES, UNICODE_EMOJI) for one in people if lot.random() < 0.9]
        deniers = lot.sample(people, lot.randint(1, 2))
        votes += [Vote(one, NO, UNICODE_EMOJI) for one in deniers]
        lot.shuffle(votes)
        verdict = judge(APPROVAL, seen(*votes), NOW, BOT)
        assert verdict == Verdict(State.REJECTED, tuple(sorted(deniers)), Cause.DENIED)


def test_a39_yes_and_no_at_the_same_instant_is_no(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    card = card_of(talk, job)
    with talk.stage.zulip.changing() as realm:
        for person, name in ((cast.hamlet, "check"), (cast.desdemona, "cross_mark")):
            reacting.react(realm, person, card, reacting.choose(name))
    ended = talk.reached(job.id, "rejected")
    assert (ended.reason, ended.started_at) == ("rejected", None)


def test_a40_the_bot_cannot_be_made_to_edit_a_plan(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    card = talk.card(job.id)
    talk.settled()
    assert talk.app is not None
    with talk.app.database.write() as tx:
        row = outbox.add(
            tx,
            NewRow(
                lane=f"job/{job.id}",
                action="edit",
                target={"type": "message", "message_id": card.id},
                kind="refusal",
                facts={"message": "Something harmless.", "hint": None, "reason": "done"},
                priority=1,
                created_at=talk.clock.now(),
            ),
        )
    talk.app.sender.notify()
    talk.settled()
    kept = talk.read(lambda tx: outbox.get(tx, row))
    assert kept is not None
    assert kept.status == "dropped"
    assert kept.reason == "the plan that people consent to never changes"
    assert talk.message(card.id) == card
    talk.react(cast.hamlet, card.id)
    talk.reached(job.id, "succeeded")


def test_a41_a_flood_of_reactions_costs_a_few_looks_and_delays_nobody(
    talk: Conversation, cast: Cast
) -> None:
    job, zulip = waiting(talk, cast.iago), talk.stage.zulip
    card = card_of(talk, job)
    talk.settled()
    zulip.forget_calls()
    choice = reacting.choose("check")
    for _ in range(FLOOD // 100):
        with zulip.changing() as realm:
            for _ in range(50):
                reacting.react(realm, cast.cordelia, card, choice)
                reacting.unreact(realm, cast.cordelia, card, choice)
    # In the middle of it, for what the bot knows.
    talk.react(cast.hamlet, card)
    done = talk.reached(job.id, "succeeded")

    assert done.consent == "reaction"
    assert len(zulip.calls("GET", f"/api/v1/messages/{card}", cast.bot)) <= MOST_LOOKS


def _approved_by(people: set[int], needed: int = 1) -> ConsentRequest:
    return replace(APPROVAL, approvers=frozenset(people), needed=needed)
