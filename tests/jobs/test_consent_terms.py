"""Whose consent a command needs, of how many, for how long: as the policy says, and no less."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.contract import Effect
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_rules import Kind
from jobs.consent_terms import (
    Terms,
    effect_policy,
    members,
    policy_sha256,
    terms_of,
    waiting_time,
)

DESDEMONA, IAGO, HAMLET = 10, 11, 12
ROLES = {"owner": (DESDEMONA,), "operator": (DESDEMONA, IAGO)}
APPROVED = EffectPolicy(approve=("operator",))
POLICY = Policy(ROLES, disruptive=APPROVED, destructive=APPROVED)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("effect", Effect)
def test_each_effect_has_its_own_part_of_the_policy(effect: Effect) -> None:
    own = EffectPolicy(ask=("own",))
    assert effect_policy(replace(Policy(), **{effect.value: own}), effect) is own  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("effect", [Effect.READ, Effect.ROUTINE])
def test_the_asker_confirms_what_only_reads_or_is_routine(effect: Effect) -> None:
    assert terms_of(POLICY, effect, HAMLET) == Terms(
        Kind.CONFIRMATION, frozenset({HAMLET}), 1, self_counts=True, arming=timedelta(0)
    )


@pytest.mark.parametrize("effect", [Effect.READ, Effect.ROUTINE])
def test_others_approve_even_that_where_the_policy_names_them(effect: Effect) -> None:
    policy = Policy(ROLES, read=APPROVED, routine=APPROVED)
    assert terms_of(policy, effect, HAMLET) == Terms(
        Kind.APPROVAL,
        frozenset({DESDEMONA, IAGO}),
        1,
        self_counts=False,
        arming=timedelta(0),
    )


def test_another_person_approves_what_is_disruptive() -> None:
    assert terms_of(POLICY, Effect.DISRUPTIVE, IAGO) == Terms(
        Kind.APPROVAL,
        frozenset({DESDEMONA, IAGO}),
        1,
        self_counts=False,
        arming=timedelta(0),
    )


def test_two_people_and_a_minute_stand_before_what_destroys() -> None:
    terms = terms_of(POLICY, Effect.DESTRUCTIVE, IAGO)
    assert (terms.kind, terms.needed, terms.arming) == (Kind.APPROVAL, 2, MINUTE)


@pytest.mark.parametrize("effect", [Effect.DISRUPTIVE, Effect.DESTRUCTIVE])
def test_nobody_consents_where_the_policy_names_nobody(effect: Effect) -> None:
    terms = terms_of(Policy(ROLES), effect, IAGO)
    assert (terms.kind, terms.approvers) == (Kind.APPROVAL, frozenset())
    assert not terms.enough_people(IAGO)


def test_the_policy_s_own_figures_count() -> None:
    own = replace(APPROVED, people=3, self_approval=True, arming_seconds=5)
    terms = terms_of(Policy(ROLES, destructive=own), Effect.DESTRUCTIVE, IAGO)
    assert (terms.needed, terms.self_counts, terms.arming) == (3, True, timedelta(seconds=5))


def test_no_arming_delay_is_a_figure_too() -> None:
    own = replace(APPROVED, arming_seconds=0, people=0)
    terms = terms_of(Policy(ROLES, destructive=own), Effect.DESTRUCTIVE, IAGO)
    assert (terms.needed, terms.arming) == (0, timedelta(0))


def test_a_server_of_one_lets_the_asker_approve_after_a_delay() -> None:
    solo = Policy(ROLES, solo=True, disruptive=EffectPolicy(), destructive=APPROVED)
    assert terms_of(solo, Effect.DISRUPTIVE, HAMLET) == Terms(
        Kind.APPROVAL, frozenset({HAMLET}), 1, self_counts=True, arming=MINUTE
    )
    assert terms_of(solo, Effect.DESTRUCTIVE, HAMLET) == Terms(
        Kind.APPROVAL,
        frozenset({DESDEMONA, IAGO, HAMLET}),
        1,
        self_counts=True,
        arming=MINUTE,
    )


@pytest.mark.parametrize(("seconds", "expected"), [(0, 60), (59, 60), (61, 61)])
def test_a_server_of_one_can_make_that_delay_longer_alone(seconds: int, expected: int) -> None:
    own = EffectPolicy(arming_seconds=seconds)
    terms = terms_of(Policy(solo=True, disruptive=own), Effect.DISRUPTIVE, HAMLET)
    assert terms.arming == timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("asker", "self_counts", "needed", "enough"),
    [
        (IAGO, False, 1, True),
        (IAGO, False, 2, False),
        (IAGO, True, 2, True),
        (IAGO, True, 3, False),
        (HAMLET, False, 2, True),
        (None, False, 2, True),
        (None, False, 3, False),
    ],
)
def test_whether_enough_people_can_consent_leaves_out_the_asker(
    asker: int | None, self_counts: bool, needed: int, enough: bool
) -> None:
    listed = frozenset({DESDEMONA, IAGO})
    terms = Terms(Kind.APPROVAL, listed, needed, self_counts, timedelta(0))
    assert terms.enough_people(asker) is enough


@pytest.mark.parametrize(
    ("effect", "minutes"),
    [
        (Effect.READ, 60),
        (Effect.ROUTINE, 60),
        (Effect.DISRUPTIVE, 60),
        (Effect.DESTRUCTIVE, 30),
    ],
)
def test_a_plan_waits_as_long_as_its_effect_allows(effect: Effect, minutes: int) -> None:
    assert waiting_time(Policy(), effect) == minutes * MINUTE
    own = replace(Policy(), **{effect.value: EffectPolicy(expires_minutes=7)})  # type: ignore[arg-type]  # by name
    assert waiting_time(own, effect) == 7 * MINUTE


def test_members_are_all_whom_the_roles_list() -> None:
    assert members(POLICY, ("owner", "ghost")) == {DESDEMONA}
    assert members(POLICY, ("owner", "operator")) == {DESDEMONA, IAGO}
    assert members(POLICY, ()) == frozenset()


def test_another_policy_has_another_fingerprint_and_the_same_one_the_same() -> None:
    # Another release that wrote it otherwise would void everything that waits.
    known = "d649525265d58fbe1388026d4d8fd2511917ee857d7396d3cb75b35a313b90bc"
    again = Policy(dict(reversed(ROLES.items())), disruptive=APPROVED, destructive=APPROVED)
    others = [
        replace(POLICY, solo=True),
        replace(POLICY, roles={**ROLES, "operator": (DESDEMONA,)}),
        replace(POLICY, disruptive=replace(APPROVED, people=2)),
    ]
    assert policy_sha256(POLICY) == policy_sha256(again) == known
    assert len({policy_sha256(one) for one in (POLICY, *others)}) == 4
