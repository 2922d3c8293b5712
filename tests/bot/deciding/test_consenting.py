"""Consent is decided from one look at the plan message, and from nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.deciding.effects import ReadCard
from bot.observations import Observation as Look
from bot.reader import content_sha256
from bot.vigilance.read_only import KEY, because
from bot.zulip_api.words import CROSS, Change, Message
from handlers.contract import JSON, Effect
from handlers.errors import Reason
from jobs.engine import Consent, LookAgain
from jobs.lifecycle import Status
from state import anchors, approval_store, inbox
from state.job_store import Job
from tests.bot.deciding.waiting_plan import (
    BOT,
    CARD,
    COMMAND,
    DESDEMONA,
    GONE,
    HAMLET,
    IAGO,
    NOW,
    PLAN_TEXT,
    POLICY,
    POLONIUS,
    UNREADABLE,
    Desk,
    card_look,
    card_seen,
    command_seen,
    look,
    message,
    message_seen,
    reaction,
)
from tests.state.sample_rows import new_entry

MINUTE = timedelta(minutes=1)
SPOKEN, SAID = 501, "@ops approve 1"
VOTERS = frozenset({IAGO, DESDEMONA, HAMLET})


def reads(
    job: Job, effect: object, *, speakers: frozenset[int] = frozenset(), words: int | None = None
) -> bool:
    """Whether the effect has the whole plan read, with all that consent to it hangs on."""
    assert isinstance(effect, ReadCard)
    others = {COMMAND} if words is None else {COMMAND, words}
    expected = ReadCard(effect.question_id, job.id, CARD, VOTERS, speakers, frozenset(others))
    return effect == expected


def question(desk: Desk, effect: object) -> approval_store.Question:
    assert isinstance(effect, ReadCard)
    found = approval_store.get_question(desk.tx, effect.question_id)
    assert found is not None
    return found


def decide(desk: Desk, job: Job, seen: Look, at: datetime = NOW) -> tuple[int | None, object]:
    """Something happens to the plan, and this is what is seen of it."""
    asked = desk.consenting.hint(desk.tx, CARD, at)
    assert len(asked) == 1
    number = question(desk, asked[0]).id
    return desk.consenting.observed(desk.tx, number, seen, at)


def speak(desk: Desk, job: Job, user_id: int = HAMLET) -> None:
    sha256 = content_sha256(SAID)
    said: dict[str, JSON] = {
        "message_id": SPOKEN,
        "user_id": user_id,
        "content_sha256": sha256,
    }
    assert approval_store.speak(desk.tx, job.id, said)


def ended(desk: Desk, job: Job) -> tuple[str, str | None, str | None]:
    now = desk.again(job)
    assert [kind for kind, _ in desk.said()].count("job_ended") == 1
    return now.status, now.reason, now.sentence


class TestHints:
    def test_a_hint_at_the_plan_has_it_read_whole(self, desk: Desk) -> None:
        job = desk.waiting()
        (effect,) = desk.consenting.hint(desk.tx, CARD, NOW)
        assert reads(job, effect)
        asked = question(desk, effect)
        assert (asked.job_id, asked.message_id, asked.people, asked.purpose, asked.asked_at) == (
            job.id,
            CARD,
            [DESDEMONA, IAGO, HAMLET],
            "consent",
            NOW,
        )

    def test_a_hint_at_any_other_message_reads_nothing(self, desk: Desk) -> None:
        desk.waiting()
        assert desk.consenting.hint(desk.tx, CARD + 7, NOW) == ()

    def test_a_hint_at_the_command_has_the_plan_read(self, desk: Desk) -> None:
        entry = inbox.add(desk.tx, new_entry(COMMAND))
        assert entry is not None
        assert desk.consenting.hint(desk.tx, COMMAND, NOW) == ()
        job = desk.waiting(inbox_id=entry.id)
        inbox.answer(desk.tx, entry.id, None, job.id, NOW)

        (effect,) = desk.consenting.hint(desk.tx, COMMAND, NOW)

        assert reads(job, effect)

    def test_a_hint_at_a_word_has_the_plan_and_the_word_read(self, desk: Desk) -> None:
        job = desk.waiting()
        speak(desk, job)
        (effect,) = desk.consenting.hint(desk.tx, SPOKEN, NOW)
        assert reads(job, effect, speakers=frozenset({HAMLET}), words=SPOKEN)

    def test_a_word_is_a_hint_itself(self, desk: Desk) -> None:
        job = desk.waiting()
        speak(desk, job)
        (effect,) = desk.consenting.voted(desk.tx, job.id, NOW)
        assert reads(job, effect, speakers=frozenset({HAMLET}), words=SPOKEN)

    def test_a_word_on_what_was_not_posted_or_is_unknown_is_none(self, desk: Desk) -> None:
        job = desk.waiting()
        assert desk.consenting.voted(desk.tx, job.id + 1, NOW) == ()
        desk.change(job, message_id=None)
        assert desk.consenting.voted(desk.tx, job.id, NOW) == ()

    def test_what_is_decided_is_not_read_again(self, desk: Desk) -> None:
        job = desk.waiting()
        decide(desk, job, card_look(reaction(HAMLET, CROSS)))
        assert desk.consenting.hint(desk.tx, CARD, NOW) == ()
        assert desk.consenting.read_all_again(desk.tx, NOW) == ()

    def test_after_a_gap_every_plan_that_waits_is_read(self, desk: Desk) -> None:
        job, unsent, other = desk.waiting(), desk.waiting(), desk.waiting()
        desk.change(unsent, message_id=None)
        desk.change(other, message_id=CARD + 1)

        effects = desk.consenting.read_all_again(desk.tx, NOW)

        assert [effect.job_id for effect in effects if isinstance(effect, ReadCard)] == [
            job.id,
            other.id,
        ]
        assert reads(job, effects[0])

    def test_of_a_yes_the_command_is_read_and_its_sender(self, desk: Desk) -> None:
        job = desk.waiting(Effect.ROUTINE, Consent.YES)
        effect = desk.consenting.before_start(desk.tx, LookAgain(job), NOW)
        assert isinstance(effect, ReadCard)
        only = frozenset({IAGO})
        assert effect == ReadCard(effect.question_id, job.id, COMMAND, only, only, frozenset())
        assert question(desk, effect).purpose == "start"

    def test_what_nobody_commanded_has_no_command_to_read(self, desk: Desk) -> None:
        job = desk.waiting(message_id=None, message_sha256=None)
        (effect,) = desk.consenting.hint(desk.tx, CARD, NOW)
        assert isinstance(effect, ReadCard)
        assert (effect.job_id, effect.others) == (job.id, frozenset())


class TestReactions:
    def test_of_somebody_who_counts_has_the_plan_read(self, desk: Desk) -> None:
        job = desk.waiting()
        for one in (HAMLET, IAGO):
            (effect,) = desk.consenting.reacted(desk.tx, CARD, one, NOW)
            assert reads(job, effect)

    def test_on_what_is_no_plan_or_has_ended_is_none(self, desk: Desk) -> None:
        job = desk.waiting()
        assert desk.consenting.reacted(desk.tx, COMMAND, HAMLET, NOW) == ()
        desk.engine.cancel(desk.tx, job, "Iago", NOW)
        assert desk.consenting.reacted(desk.tx, CARD, HAMLET, NOW) == ()

    def test_of_a_stranger_is_looked_at_to_tell_them(self, desk: Desk) -> None:
        job = desk.waiting()
        (effect,) = desk.consenting.reacted(desk.tx, CARD, POLONIUS, NOW)
        assert reads(job, effect)
        desk.change(job, told={"ignored": [POLONIUS]})
        assert desk.consenting.reacted(desk.tx, CARD, POLONIUS, NOW) == ()
        desk.change(job, told={"ignored": [21, 22, 23]})
        assert desk.consenting.reacted(desk.tx, CARD, POLONIUS, NOW) == ()

    def test_of_a_stranger_puts_off_no_look(self, desk: Desk) -> None:
        job, consenting = desk.waiting(), desk.consenting
        (asked,) = consenting.reacted(desk.tx, CARD, HAMLET, NOW)
        assert consenting.reacted(desk.tx, CARD, POLONIUS, NOW) == ()
        assert question(desk, asked).status == "open"

        seen = card_look(reaction(POLONIUS))
        may_start, effects = consenting.observed(desk.tx, question(desk, asked).id, seen, NOW)

        assert may_start is None
        (effect,) = effects
        assert reads(job, effect)
        again = question(desk, effect).id
        assert consenting.observed(desk.tx, again, seen, NOW) == (None, ())

    def test_of_a_stranger_is_forgotten_with_the_plan(self, desk: Desk) -> None:
        job, consenting = desk.waiting(), desk.consenting
        (asked,) = consenting.reacted(desk.tx, CARD, HAMLET, NOW)
        consenting.reacted(desk.tx, CARD, POLONIUS, NOW)
        seen = card_look(reaction(HAMLET))
        number = question(desk, asked).id
        assert consenting.observed(desk.tx, number, seen, NOW) == (None, ())
        assert desk.again(job).status == Status.QUEUED


def test_where_the_messages_lie_is_learnt_from_the_look(desk: Desk) -> None:
    """What follows is said there, even before it is known that they were moved."""
    job = desk.waiting()
    for one in (CARD, COMMAND, SPOKEN):
        anchors.remember(desk.tx, one, 4, "before", NOW - MINUTE)
    moved = {COMMAND: command_seen(channel_id=7, topic="new"), SPOKEN: None}
    plan = card_seen(reaction(HAMLET), topic="elsewhere")
    decide(desk, job, look(message_seen(plan, moved)))
    places = [anchors.get(desk.tx, one) for one in (CARD, COMMAND, SPOKEN)]
    assert [one and (one.channel_id, one.topic) for one in places] == [
        (4, "elsewhere"),
        (7, "new"),
        (4, "before"),
    ]


def test_a_direct_message_lies_in_no_channel(desk: Desk) -> None:
    job = desk.waiting()
    anchors.remember(desk.tx, COMMAND, 4, "before", NOW - MINUTE)
    direct = {COMMAND: command_seen(channel_id=None, topic="")}
    decide(desk, job, look(message_seen(card_seen(), direct)))
    place = anchors.get(desk.tx, COMMAND)
    assert place is not None
    assert place.channel_id == 4


class TestConsent:
    def test_another_person_s_tick_queues_the_job(self, desk: Desk) -> None:
        job = desk.waiting()
        assert decide(desk, job, card_look(reaction(HAMLET))) == (None, ())

        request = desk.request(job)
        assert desk.again(job).status == Status.QUEUED
        assert (request.status, request.votes, request.decided_at) == ("latched", [HAMLET], NOW)
        assert desk.said() == [("consent_given", {"job": job.id, "by": [HAMLET]})]

    def test_the_askers_confirmation_queues_it_without_a_word(self, desk: Desk) -> None:
        job = desk.waiting(Effect.ROUTINE)
        decide(desk, job, card_look(reaction(IAGO)))
        assert desk.again(job).status == Status.QUEUED
        assert desk.said() == []

    def test_who_waits_is_told_for_whom(self, desk: Desk) -> None:
        first, job = desk.waiting(), desk.waiting(Effect.ROUTINE)
        desk.change(first, message_id=None)
        desk.run(first)
        decide(desk, job, card_look(reaction(IAGO)))
        assert [kind for kind, _ in desk.said()] == ["job_waits"]

    def test_nothing_is_consent_but_votes_are_told(self, desk: Desk) -> None:
        job = desk.waiting(Effect.DESTRUCTIVE)
        assert decide(desk, job, card_look(reaction(HAMLET), reaction(POLONIUS))) == (None, ())
        assert desk.again(job).status == Status.AWAITING_APPROVAL
        assert [kind for kind, _ in desk.said()] == ["vote_counted", "vote_ignored"]

    @pytest.mark.parametrize(
        ("seen", "status", "reason", "sentence"),
        [
            (
                card_look(reaction(HAMLET), reaction(DESDEMONA, CROSS)),
                "rejected",
                "rejected",
                "Desdemona rejected it with ❌, so nothing was done.",
            ),
            (
                card_look(reaction(HAMLET, CROSS), reaction(DESDEMONA, CROSS)),
                "rejected",
                "rejected",
                "Desdemona and Hamlet rejected it with ❌, so nothing was done.",
            ),
            (
                GONE,
                "stale",
                "message_changed",
                "The plan message was deleted, so nothing was done.",
            ),
            (
                card_look(reaction(HAMLET), edited=True),
                "stale",
                "message_changed",
                "The plan message was edited, so nothing was done.",
            ),
            (
                look(message_seen(card_seen(reaction(HAMLET)), {COMMAND: None})),
                "stale",
                "message_changed",
                "The message with the command was deleted, so nothing was done.",
            ),
        ],
    )
    def test_what_ends_it_is_told(
        self, desk: Desk, seen: Look, status: str, reason: str, sentence: str
    ) -> None:
        job = desk.waiting()
        assert decide(desk, job, seen) == (None, ())
        assert ended(desk, job) == (status, reason, sentence)
        assert desk.request(job).status == "closed"
        assert desk.again(job).ended_at == NOW

    def test_too_late_is_too_late(self, desk: Desk) -> None:
        job = desk.waiting()
        late = NOW + 30 * MINUTE
        decide(desk, job, card_look(reaction(HAMLET), at=late), late)
        assert ended(desk, job) == (
            "expired",
            "expired",
            "Nobody consented in time, so nothing was done.",
        )

    def test_another_policy_ends_what_waits(self, desk: Desk) -> None:
        job = desk.waiting()
        changed = Desk(desk.tx, policy=type(POLICY)(POLICY.roles, solo=True))
        decide(changed, job, card_look(reaction(HAMLET)))
        assert ended(desk, job) == (
            "stale",
            "policy_changed",
            "The policy was changed after the plan was shown, so nothing was done.",
        )

    @pytest.mark.parametrize("seen", [UNREADABLE, card_look(reaction(HAMLET), at=NOW - MINUTE)])
    def test_what_was_not_seen_is_looked_at_again(self, desk: Desk, seen: Look) -> None:
        job = desk.waiting()
        decided, effects = decide(desk, job, seen)
        assert decided is None
        assert isinstance(effects, tuple)
        (effect,) = effects
        assert reads(job, effect)
        assert question(desk, effect).status == "open"
        assert desk.again(job).status == Status.AWAITING_APPROVAL
        assert desk.said() == []

    def test_an_answer_counts_once(self, desk: Desk) -> None:
        job = desk.waiting()
        (asked,) = desk.consenting.hint(desk.tx, CARD, NOW)
        number = question(desk, asked).id
        desk.consenting.observed(desk.tx, number, card_look(), NOW)
        assert desk.consenting.observed(desk.tx, number, GONE, NOW) == (None, ())
        assert desk.again(job).status == Status.AWAITING_APPROVAL

    def test_an_answer_to_an_older_question_counts_nothing(self, desk: Desk) -> None:
        job = desk.waiting()
        (asked,) = desk.consenting.hint(desk.tx, CARD, NOW)
        desk.consenting.hint(desk.tx, CARD, NOW)
        seen = card_look(reaction(HAMLET))
        number = question(desk, asked).id
        assert desk.consenting.observed(desk.tx, number, seen, NOW) == (None, ())
        assert desk.again(job).status == Status.AWAITING_APPROVAL

    def test_an_answer_after_the_end_counts_nothing(self, desk: Desk) -> None:
        job = desk.waiting()
        (asked,) = desk.consenting.hint(desk.tx, CARD, NOW)
        desk.engine.cancel(desk.tx, job, "Iago", NOW)
        number = question(desk, asked).id
        assert desk.consenting.observed(desk.tx, number, GONE, NOW) == (None, ())
        assert desk.again(job).status == Status.CANCELLED

    def test_a_question_about_no_job_decides_nothing(self, desk: Desk) -> None:
        asked = approval_store.ask(
            desk.tx, job_id=None, message_id=CARD, people=[], purpose="consent", at=NOW
        )
        assert desk.consenting.observed(desk.tx, asked.id, GONE, NOW) == (None, ())

    def test_a_word_counts_like_a_tick(self, desk: Desk) -> None:
        job = desk.waiting()
        speak(desk, job)
        others = {COMMAND: command_seen(), SPOKEN: message(SPOKEN, HAMLET, SAID)}
        decide(desk, job, look(message_seen(card_seen(), others)))
        assert desk.again(job).status == Status.QUEUED


class TestARewrittenPlan:
    """Nobody but the bot's own account can have changed it, and the bot never does."""

    CHANGED = Change(NOW, content_changed=True, topic_before=None, channel_before=None)
    MOVED = replace(CHANGED, content_changed=False, topic_before="elsewhere")

    def seen(self, desk: Desk, plan: Message) -> bool:
        """Whether the alarm is raised."""
        job = desk.waiting()
        may_start, effects = decide(desk, job, look(message_seen(plan)))
        assert (may_start, effects) == (None, ())
        assert desk.again(job).status == Status.STALE
        incident = because(desk.tx)
        kinds = [kind for kind, _ in desk.said()]
        assert ("read_only_began" in kinds) is (incident is not None)
        return incident is not None and incident.kind == KEY

    @pytest.mark.parametrize("edited", [True, False])
    def test_other_words_raise_the_alarm(self, desk: Desk, *, edited: bool) -> None:
        assert self.seen(desk, message(CARD, BOT, "Another plan.", edited=edited))

    def test_words_that_were_others_for_a_while_do_too(self, desk: Desk) -> None:
        assert self.seen(desk, card_seen(edited=True, changes=(self.MOVED, self.CHANGED)))

    @pytest.mark.parametrize("changes", [(), (MOVED,)])
    def test_what_may_have_been_moved_alone_raises_none(
        self, desk: Desk, changes: tuple[Change, ...]
    ) -> None:
        assert not self.seen(desk, card_seen(edited=True, changes=changes))

    def test_a_plan_that_was_moved_raises_none(self, desk: Desk) -> None:
        assert not self.seen(desk, card_seen(moved=True, changes=(self.CHANGED,)))

    def test_what_else_waits_is_void_with_it(self, desk: Desk) -> None:
        other = desk.waiting()
        desk.change(other, message_id=CARD + 1)
        assert self.seen(desk, message(CARD, BOT, "Another plan."))
        assert desk.again(other).reason == Reason.KEY_COMPROMISE

    def test_a_command_that_its_sender_edited_is_their_own_business(self, desk: Desk) -> None:
        job = desk.waiting(Effect.ROUTINE, Consent.YES)
        effect = desk.consenting.before_start(desk.tx, LookAgain(job), NOW)
        edited = command_seen(content="@ops other", edited=True, changes=(self.CHANGED,))
        seen = look(message_seen(edited, {}))
        number = question(desk, effect).id
        assert desk.consenting.observed(desk.tx, number, seen, NOW) == (None, ())
        assert desk.again(job).status == Status.STALE
        assert because(desk.tx) is None


class TestArming:
    """Between full consent and the queue ❌ still stops what destroys."""

    def armed(self, desk: Desk) -> Job:
        job = desk.waiting(Effect.DESTRUCTIVE)
        assert decide(desk, job, self.both()) == (None, ())
        return desk.again(job)

    def both(self, at: datetime = NOW) -> Look:
        return card_look(reaction(HAMLET), reaction(DESDEMONA), at=at)

    def test_full_consent_begins_the_delay(self, desk: Desk) -> None:
        job = self.armed(desk)
        assert job.status == Status.ARMING
        request = desk.request(job)
        assert (request.status, request.armed_until) == ("open", NOW + MINUTE)
        assert desk.said() == [
            (
                "consent_armed",
                {
                    "job": job.id,
                    "by": [DESDEMONA, HAMLET],
                    "until": "2026-11-25T12:01:00+00:00",
                },
            )
        ]

    def test_before_the_delay_is_over_nothing_is_read(self, desk: Desk) -> None:
        self.armed(desk)
        early = NOW + MINUTE - timedelta(microseconds=1)
        assert desk.consenting.armed_are_due(desk.tx, early) == ()

    def test_after_the_delay_it_is_read_once(self, desk: Desk) -> None:
        job = self.armed(desk)
        (effect,) = desk.consenting.armed_are_due(desk.tx, NOW + MINUTE)
        assert reads(job, effect)
        assert question(desk, effect).purpose == "armed"
        assert desk.consenting.armed_are_due(desk.tx, NOW + MINUTE) == ()

    def test_each_job_whose_delay_is_over_is_read(self, desk: Desk) -> None:
        first = self.armed(desk)
        desk.change(first, armed_until=None)
        desk.change(first, message_id=None)
        second = self.armed(desk)
        effects = desk.consenting.armed_are_due(desk.tx, NOW + MINUTE)
        assert [one.job_id for one in effects if isinstance(one, ReadCard)] == [second.id]

    def test_consent_that_still_stands_queues_it(self, desk: Desk) -> None:
        job, at = self.armed(desk), NOW + MINUTE
        assert decide(desk, job, self.both(at), at) == (None, ())
        assert desk.again(job).status == Status.QUEUED
        assert desk.said()[1:] == [("consent_given", {"job": job.id, "by": [DESDEMONA, HAMLET]})]

    def test_a_look_before_that_changes_nothing(self, desk: Desk) -> None:
        job, at = self.armed(desk), NOW + MINUTE - timedelta(microseconds=1)
        assert decide(desk, job, self.both(at), at) == (None, ())
        assert desk.again(job).status == Status.ARMING
        desk.change(job, armed_until=None)
        late = at + MINUTE
        assert decide(desk, job, self.both(late), late) == (None, ())
        assert desk.again(job).status == Status.ARMING

    def test_a_cross_stops_it(self, desk: Desk) -> None:
        job = self.armed(desk)
        decide(desk, job, card_look(reaction(HAMLET), reaction(IAGO, CROSS)))
        assert ended(desk, job)[:2] == ("rejected", "rejected")

    def test_a_tick_that_is_taken_back_stops_it(self, desk: Desk) -> None:
        job = self.armed(desk)
        assert decide(desk, job, card_look(reaction(HAMLET))) == (None, ())
        assert ended(desk, job) == (
            "cancelled",
            "withdrawn",
            "The ✅ was taken back before the job started, so nothing was done.",
        )


class TestStart:
    """What is queued is looked at once more before it starts."""

    def queued(self, desk: Desk) -> Job:
        job = desk.waiting()
        decide(desk, job, card_look(reaction(HAMLET)))
        return desk.again(job)

    def test_it_is_asked_for_the_start(self, desk: Desk) -> None:
        job = self.queued(desk)
        effect = desk.consenting.before_start(desk.tx, LookAgain(job), NOW + MINUTE)
        assert reads(job, effect)
        asked = question(desk, effect)
        assert (asked.purpose, asked.asked_at) == ("start", NOW + MINUTE)

    def test_consent_that_still_stands_lets_it_start(self, desk: Desk) -> None:
        job, at = self.queued(desk), NOW + MINUTE
        assert decide(desk, job, card_look(reaction(HAMLET), at=at), at) == (job.id, ())
        assert desk.again(job).status == Status.QUEUED

    def test_a_tick_that_is_taken_back_ends_it(self, desk: Desk) -> None:
        job = self.queued(desk)
        assert decide(desk, job, card_look()) == (None, ())
        assert ended(desk, job)[:2] == ("cancelled", "withdrawn")

    def test_a_plan_that_is_too_old_by_then_has_expired(self, desk: Desk) -> None:
        job, at = self.queued(desk), NOW + 30 * MINUTE
        decide(desk, job, card_look(reaction(HAMLET), at=at), at)
        assert ended(desk, job)[:2] == ("expired", "expired")


class TestReject:
    def test_a_word_ends_what_waits(self, desk: Desk) -> None:
        job = desk.waiting()
        desk.consenting.rejected(desk.tx, job.id, "Hamlet", None, NOW)
        assert ended(desk, job) == ("rejected", "rejected", "Hamlet rejected it. Nothing was done.")

    def test_its_reason_is_told(self, desk: Desk) -> None:
        job = desk.waiting()
        desk.consenting.rejected(desk.tx, job.id, "**Hamlet**", "not today", NOW)
        assert ended(desk, job)[2] == "Hamlet rejected it: `not today`. Nothing was done."

    def test_what_has_ended_or_never_was_is_left_alone(self, desk: Desk) -> None:
        job = desk.engine.cancel(desk.tx, desk.waiting(), "Iago", NOW)
        desk.consenting.rejected(desk.tx, job.id, "Hamlet", None, NOW)
        desk.consenting.rejected(desk.tx, job.id + 1, "Hamlet", None, NOW)
        assert desk.again(job).reason == Reason.CANCELLED
        assert desk.said() == []


def test_a_plan_that_somebody_else_posted_is_void(desk: Desk) -> None:
    job = desk.waiting()
    forged = message(CARD, BOT + 1, PLAN_TEXT, reactions=(reaction(HAMLET),))
    decide(desk, job, look(message_seen(forged)))
    assert ended(desk, job)[2] == "The plan message is not mine, so nothing was done."
