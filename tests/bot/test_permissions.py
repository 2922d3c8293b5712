"""Who may ask for what, and where."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.permissions import (
    Allowed,
    Denied,
    Place,
    allowed_where,
    may_ask,
    roles_of,
    visible,
)
from handlers.contract import Effect
from handlers.errors import Reason
from jobs.configuration import EffectPolicy, Policy

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
