"""Which copies go: a table of cases, and what holds for every history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.backups.retention.copies import Copy
from handlers.backups.retention.model import Hold, Judgement, Verdict, Why, full_hour, judge
from handlers.host.settings import KeepSettings, RetentionSettings
from tests.handlers.backups.retention.sample_copies import copy

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
USUAL = RetentionSettings(KeepSettings(daily=7, weekly=5, monthly=12))


def reasons(judgement: Judgement) -> list[tuple[Why, ...]]:
    return [verdict.whys for verdict in judgement.verdicts]


def test_each_rule_wants_one_copy_of_each_of_its_periods() -> None:
    rules = RetentionSettings(KeepSettings(daily=2, weekly=2, monthly=2), proven=1)
    judgement = judge([copy(days) for days in range(40)], rules, NOW)

    stay = {each.copy.taken_at.date().isoformat(): set(each.whys) for each in judgement.verdicts}
    assert stay["2026-11-25"] == {Why.NEWEST, Why.LAST_GOOD, Why.DAILY, Why.WEEKLY, Why.MONTHLY}
    assert stay["2026-11-24"] == {Why.DAILY}
    # The newest of the week before, and of the month before.
    assert stay["2026-11-22"] == {Why.WEEKLY}
    assert stay["2026-10-31"] == {Why.MONTHLY}
    assert len(judgement.going) == 36


def test_days_without_a_copy_do_not_count() -> None:
    rules = RetentionSettings(KeepSettings(daily=3), proven=1)

    judgement = judge([copy(0), copy(100), copy(200), copy(300)], rules, NOW)

    assert [each.taken_at for each in judgement.going] == [copy(300).taken_at]


def test_of_one_day_the_newest_proven_copy_stays() -> None:
    rules = RetentionSettings(KeepSettings(daily=2), proven=1)
    early, late = copy(1.4), copy(1.1, "verified")

    judgement = judge([copy(0), late, early], rules, NOW)

    assert judgement.going == (late,)


@pytest.mark.parametrize("kind", ["stored", "compared", "refuted", "damaged"])
def test_what_is_not_sound_stands_for_no_day(kind: str) -> None:
    rules = RetentionSettings(KeepSettings(daily=2), proven=1)
    bad = copy(1, kind)

    judgement = judge([copy(0), bad, copy(2)], rules, NOW)

    assert judgement.going == (bad,)


def test_damage_that_was_mended_is_none() -> None:
    rules = RetentionSettings(KeepSettings(daily=2), proven=1)

    assert judge([copy(0), copy(1, "mended"), copy(2)], rules, NOW).going == (copy(2),)


def test_nothing_goes_before_a_newer_copy_is_proven() -> None:
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)
    copies = [copy(0, "verified"), copy(1, "verified"), copy(2), copy(3, "verified"), copy(4)]

    judgement = judge(copies, rules, NOW)

    assert judgement.going == (copies[3], copies[4])
    assert reasons(judgement)[1] == (Why.NO_REPLACEMENT,)


@pytest.mark.parametrize(
    ("newest", "hold"),
    [
        (copy(0, "stored"), Hold.NEWEST_UNVERIFIED),
        (copy(0, "compared"), Hold.NEWEST_UNVERIFIED),
        (copy(0, "refuted"), Hold.NEWEST_REFUTED),
        (copy(0, "damaged"), Hold.NEWEST_DAMAGED),
        (copy(0, is_whole=False), Hold.NEWEST_DAMAGED),
        (copy(0, job=None), Hold.NEWEST_UNREADABLE),
        (copy(-3), Hold.NEWEST_IN_FUTURE),
        (copy(2.5), Hold.NEWEST_OLD),
        (copy(0), None),
    ],
)
def test_nothing_goes_while_the_newest_is_not_well(newest: Copy, hold: Hold | None) -> None:
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)

    judgement = judge([newest, copy(3), copy(4)], rules, NOW)

    assert judgement.hold is hold
    assert bool(judgement.going) is (hold is None)


def test_without_a_proof_nothing_goes_unless_the_rules_ask_for_none() -> None:
    copies = [copy(days, "verified") for days in range(5)]
    rules = RetentionSettings(KeepSettings(daily=1))

    assert judge(copies, rules, NOW).hold is Hold.NOTHING_PROVEN
    assert judge(copies, replace(rules, proven=0), NOW).going == tuple(copies[2:])
    unverified = [copy(0, "stored"), copy(1, "stored")]
    assert judge(unverified, replace(rules, proven=0), NOW).hold is Hold.NEWEST_UNVERIFIED


def test_the_newest_copy_that_lacks_nothing_is_not_replaced_by_one_that_does() -> None:
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)
    lacking = [copy(days, is_consistent=False) for days in range(2)]
    copies = [*lacking, copy(2), copy(3)]

    judgement = judge(copies, rules, NOW)

    assert reasons(judgement)[2] == (Why.LAST_CONSISTENT,)
    assert judgement.going == (lacking[1], copies[3])
    assert judge([copy(0), *lacking[1:], copy(3)], rules, NOW).going == (lacking[1], copy(3))
    assert judge(lacking, rules, NOW).going == (lacking[1],)


def test_a_part_stands_for_no_copy_and_says_nothing_of_the_others() -> None:
    rules = RetentionSettings(KeepSettings(daily=2), proven=1)
    newest, between = copy(0, "stored", is_part=True), copy(2, is_part=True)
    copies = [newest, copy(1), between, copy(3), copy(4)]

    judgement = judge(copies, rules, NOW)

    assert judgement.hold is None
    assert judgement.going == (between, copies[4])
    assert reasons(judgement)[:2] == [
        (Why.NO_REPLACEMENT,),
        (Why.NEWEST, Why.LAST_GOOD, Why.DAILY),
    ]
    assert judge([newest, between], rules, NOW).hold is Hold.ONLY_PARTS


def test_without_rules_nothing_goes() -> None:
    judgement = judge([copy(1), copy(0)], None, NOW)

    assert judgement.hold is Hold.NO_RULES
    assert judgement.going == ()
    assert judgement.verdicts == (Verdict(copy(0), ()), Verdict(copy(1), ()))


def test_without_copies_there_is_nothing_to_say() -> None:
    assert judge([], USUAL, NOW) == Judgement(None, ())


@pytest.mark.parametrize(
    ("newest", "hold"),
    [
        # Dated two hours ahead at most, 49 hours old at most.
        (copy(-12 / 24), None),
        (copy(-12.01 / 24), Hold.NEWEST_IN_FUTURE),
        (copy(39 / 24), None),
        (copy(39.01 / 24), Hold.NEWEST_OLD),
    ],
)
def test_the_newest_may_be_a_little_ahead_or_behind(newest: Copy, hold: Hold | None) -> None:
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)

    assert judge([newest, copy(9)], rules, NOW).hold is hold


@pytest.mark.parametrize(
    ("until", "is_kept"),
    [(NOW + timedelta(minutes=1), True), (NOW, False), (NOW - timedelta(minutes=1), False)],
)
def test_a_kept_copy_stays_until_the_hour_in_which_that_is_over(
    until: datetime, is_kept: bool
) -> None:
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)
    kept = copy(1, kept_until=until)

    judgement = judge([copy(0), kept], rules, NOW + timedelta(minutes=59))

    assert judgement.going == (() if is_kept else (kept,))


def test_the_full_hour_is_what_counts() -> None:
    assert full_hour(NOW + timedelta(minutes=59, seconds=59, microseconds=9)) == NOW


def test_of_copies_without_any_proof_each_says_so() -> None:
    copies = [copy(0), copy(1, "verified"), copy(2, "stored")]
    rules = RetentionSettings(KeepSettings(daily=1), proven=1)

    unproven = judge([copy(0, "verified"), *copies[1:]], rules, NOW)

    assert reasons(unproven)[1:] == [(Why.NO_REPLACEMENT,), (Why.NO_REPLACEMENT,)]
    assert reasons(judge(copies, rules, NOW))[1:] == [(), ()]


kinds = st.sampled_from(["stored", "verified", "proven", "refuted", "damaged", "mended"])
histories = st.lists(
    st.builds(
        copy,
        st.integers(-48, 24 * 400).map(lambda hours: hours / 24),
        kinds,
        is_whole=st.sampled_from([True, True, True, False]),
        job=st.sampled_from([1, 1, 1, None]),
        is_part=st.sampled_from([False, False, True]),
        kept_until=st.none() | st.integers(-50, 50).map(lambda days: NOW + timedelta(days=days)),
    ),
    max_size=25,
    unique_by=lambda each: each.id,
)
rule_sets = st.builds(
    RetentionSettings,
    st.builds(KeepSettings, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)),
    proven=st.integers(0, 3),
    fresh_hours=st.integers(24, 100),
)
moments = st.integers(-10_000, 10_000).map(lambda hours: NOW + timedelta(hours=hours))


@given(histories, rule_sets, moments)
def test_whatever_the_history_and_the_clock_what_must_stay_stays(
    copies: list[Copy], rules: RetentionSettings, now: datetime
) -> None:
    going = {each.id for each in judge(copies, rules, now).going}

    newest_first = sorted(copies, key=lambda each: each.id, reverse=True)
    proven = [each.id for each in newest_first if each.is_proven]
    verified = [each.id for each in newest_first if each.is_sound]
    good = proven if rules.proven else verified
    assert going.isdisjoint(good[: rules.proven or 2])
    assert not going or good
    assert all(each < good[0] for each in going)
    assert going.isdisjoint(each.id for each in copies if not each.is_readable)
    assert going.isdisjoint(each.id for each in copies if each.kept_until and each.kept_until > now)
    wholes = [each for each in newest_first if not each.is_part]
    assert not going or wholes[0].is_sound
    assert len(going) < max(1, len(copies))


@given(histories, rule_sets, moments)
def test_once_what_goes_has_gone_nothing_more_does(
    copies: list[Copy], rules: RetentionSettings, now: datetime
) -> None:
    going = judge(copies, rules, now).going
    left = [each for each in copies if each not in going]

    assert judge(left, rules, now).going == ()


@given(histories, rule_sets, st.integers(0, 59), st.randoms())
def test_neither_the_order_nor_the_minute_decides(
    copies: list[Copy], rules: RetentionSettings, minute: int, lot: object
) -> None:
    shuffled = list(copies)
    lot.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis hands a random.Random in

    assert judge(shuffled, rules, NOW.replace(minute=minute)) == judge(copies, rules, NOW)
