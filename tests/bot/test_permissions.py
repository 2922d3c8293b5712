"""Who may ask for what, and where."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.permissions import (
    Allowed,
    Denied,
    Place,
    allowed_where,
    deciders,
    everybody,
    may_ask,
    may_decide,
    roles_of,
    visible,
    why_void,
)
from handlers.contract import Effect
from handlers.errors import Reason
from jobs.configuration import EffectPolicy, Policy
from state.schedule_store import Schedule

DESDEMONA, IAGO, HAMLET, STRANGER = 10, 11, 12, 99
POLICY = Policy(
    roles={"owner": (DESDEMONA,), "operator": (DESDEMONA, IAGO), "viewer": (HAMLET,), "empty": ()},
    read=EffectPolicy(ask=("viewer", "operator")),
    routine=EffectPolicy(ask=("operator", "ghost")),
    disruptive=EffectPolicy(ask=("ghost", "empty")),
)


@dataclass(frozen=True)
class Named:
    """A verb, as far as permissions go."""

    name: str
    effect: Effect | None


@pytest.mark.parametrize(
    ("user_id", "effect", "roles"),
    [
        (HAMLET, Effect.READ, ("viewer",)),
        (IAGO, Effect.READ, ("operator",)),
        (IAGO, Effect.ROUTINE, ("operator",)),
        (DESDEMONA, Effect.ROUTINE, ("operator",)),
        (HAMLET, Effect.ROUTINE, None),
        (STRANGER, Effect.READ, None),
        (DESDEMONA, Effect.DISRUPTIVE, None),  # unknown role, and one without people
        (DESDEMONA, Effect.DESTRUCTIVE, None),  # nobody is named
        (STRANGER, None, ()),
    ],
)
def test_policy_decides_by_role(
    user_id: int, effect: Effect | None, roles: tuple[str, ...] | None
) -> None:
    decision = may_ask(POLICY, user_id, effect)

    if roles is None:
        assert isinstance(decision, Denied)
    else:
        assert decision == Allowed(roles)


def test_refusal_tells_the_roles_that_would_do_and_those_one_has() -> None:
    decision = may_ask(POLICY, HAMLET, Effect.ROUTINE)
    assert decision == Denied(Reason.NOT_PERMITTED, ("operator", "ghost"), ("viewer",))


@settings(deadline=None)
@given(st.integers(), st.sampled_from(Effect))
def test_empty_policy_allows_nobody_anything(user_id: int, effect: Effect) -> None:
    assert isinstance(may_ask(Policy(), user_id, effect), Denied)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.integers(1, 4), max_size=3).map(tuple), max_size=3
    ),
    st.lists(st.sampled_from("abcd"), max_size=3).map(tuple),
    st.integers(1, 5),
    st.sampled_from(Effect),
)
def test_nobody_is_allowed_without_a_role_that_is_named(
    roles: dict[str, tuple[int, ...]], ask: tuple[str, ...], user_id: int, effect: Effect
) -> None:
    anybody = EffectPolicy(ask=("a", "b", "c"))
    policy = Policy(roles, read=anybody, routine=anybody, disruptive=anybody, destructive=anybody)
    policy = replace(policy, **{effect.value: EffectPolicy(ask=ask)})  # type: ignore[arg-type]  # by name

    expected = any(user_id in roles.get(role, ()) for role in ask)

    assert isinstance(may_ask(policy, user_id, effect), Allowed) is expected


def test_roles_come_in_the_order_of_the_policy() -> None:
    assert roles_of(POLICY, DESDEMONA) == ("owner", "operator")
    assert roles_of(POLICY, STRANGER) == ()


@pytest.mark.parametrize("effect", [None, *Effect])
def test_everything_may_be_asked_in_the_ops_channel(effect: Effect | None) -> None:
    assert allowed_where(Place.OPS_CHANNEL, effect) is None


@pytest.mark.parametrize("effect", [None, *Effect])
def test_direct_messages_serve_what_only_reads(effect: Effect | None) -> None:
    reads = effect in (None, Effect.READ)
    assert allowed_where(Place.DIRECT, effect) == (None if reads else Denied(Reason.WRONG_PLACE))


@pytest.mark.parametrize("effect", [None, *Effect])
def test_other_channels_serve_nothing(effect: Effect | None) -> None:
    assert allowed_where(Place.ANOTHER_CHANNEL, effect) == Denied(Reason.WRONG_PLACE)


def test_only_what_one_may_run_is_visible() -> None:
    verbs = [
        Named("help", None),
        Named("status", Effect.READ),
        Named("backup now", Effect.ROUTINE),
        Named("upgrade", Effect.DISRUPTIVE),
    ]

    assert [verb.name for verb in visible(POLICY, STRANGER, verbs)] == ["help"]
    assert [verb.name for verb in visible(POLICY, HAMLET, verbs)] == ["help", "status"]
    assert [verb.name for verb in visible(POLICY, IAGO, verbs)] == ["help", "status", "backup now"]


def test_everybody_is_whom_any_role_lists() -> None:
    assert everybody(POLICY) == {DESDEMONA, IAGO, HAMLET}
    assert everybody(Policy()) == frozenset()


def test_those_decide_who_approve_and_else_those_who_ask() -> None:
    approved = EffectPolicy(ask=("operator",), approve=("owner",))
    policy = replace(POLICY, disruptive=approved)

    assert deciders(policy, Effect.DISRUPTIVE) == ("owner",)
    assert deciders(policy, Effect.ROUTINE) == ("operator", "ghost")
    assert may_decide(policy, DESDEMONA, Effect.DISRUPTIVE)
    assert not may_decide(policy, IAGO, Effect.DISRUPTIVE)
    assert may_decide(policy, IAGO, Effect.ROUTINE)
    assert not may_decide(policy, None, Effect.ROUTINE)


#: A schedule that Desdemona added and Iago agreed to.
SCHEDULE = Schedule(
    name="nightly",
    command="upgrade 1.4",
    cron="0 2 * * *",
    tz="UTC",
    catch_up="once",
    grace_minutes=60,
    source="chat",
    paused=False,
    last_due_at=None,
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
    effect="disruptive",
    asker_id=DESDEMONA,
    asker_name="Desdemona",
    agreed_by=[IAGO],
    job_id=12,
    fingerprint="f" * 64,
    epoch=1,
    policy_sha256="p" * 64,
)
OPERATORS = EffectPolicy(ask=("operator",), approve=("operator",))
AGREED = Policy(POLICY.roles, disruptive=OPERATORS, destructive=OPERATORS)


class TestConsentToASchedule:
    def test_holds_while_the_same_people_could_agree_to_it(self) -> None:
        assert why_void(AGREED, 1, SCHEDULE) is None
        assert why_void(replace(AGREED, roles=POLICY.roles | {"more": (99,)}), 1, SCHEDULE) is None

    def test_is_not_needed_for_what_root_wrote(self) -> None:
        assert why_void(Policy(), 2, replace(SCHEDULE, source="file")) is None
        assert why_void(Policy(), 2, replace(SCHEDULE, asker_id=None)) is None

    def test_ends_with_the_epoch(self) -> None:
        assert why_void(AGREED, 2, SCHEDULE) == (
            "Zulip's database was put back since it was agreed to"
        )

    def test_ends_when_the_asker_may_not_ask_any_more(self) -> None:
        policy = replace(AGREED, disruptive=replace(OPERATORS, ask=("viewer",)))
        assert why_void(policy, 1, SCHEDULE) == (
            "whoever added it may not ask for disruptive commands any more"
        )

    @pytest.mark.parametrize(
        ("agreed_by", "self_approval", "people"),
        [
            ([], False, 1),
            ([HAMLET], False, 1),
            ([DESDEMONA], False, 1),
            ([IAGO], False, 2),
            ([IAGO, DESDEMONA], False, 2),
        ],
    )
    def test_ends_when_those_who_agreed_are_not_enough(
        self, agreed_by: list[int], self_approval: bool, people: int
    ) -> None:
        policy = replace(
            AGREED,
            disruptive=replace(OPERATORS, self_approval=self_approval, people=people),
        )
        assert why_void(policy, 1, replace(SCHEDULE, agreed_by=agreed_by)) == (
            "by the present policy those who agreed to it are not enough"
        )

    def test_counts_the_asker_where_the_policy_does(self) -> None:
        policy = replace(AGREED, disruptive=replace(OPERATORS, self_approval=True, people=2))
        both = replace(SCHEDULE, agreed_by=[IAGO, DESDEMONA])
        assert why_void(policy, 1, both) is None

    def test_of_the_asker_alone_is_enough_where_they_confirm(self) -> None:
        policy = replace(AGREED, routine=EffectPolicy(ask=("operator",)))
        own = replace(SCHEDULE, effect="routine", agreed_by=[DESDEMONA])
        assert why_void(policy, 1, own) is None
        assert why_void(policy, 1, replace(own, agreed_by=[IAGO])) is not None

    def test_is_not_asked_for_what_only_reads(self) -> None:
        reads = replace(SCHEDULE, effect="read", agreed_by=[])
        assert why_void(replace(AGREED, read=OPERATORS), 1, reads) is None
        assert why_void(AGREED, 1, reads) == (
            "whoever added it may not ask for read commands any more"
        )

    def test_of_unknown_effect_is_judged_like_the_gravest(self) -> None:
        unknown = replace(SCHEDULE, effect=None)
        assert why_void(AGREED, 1, unknown) == (
            "by the present policy those who agreed to it are not enough"
        )
