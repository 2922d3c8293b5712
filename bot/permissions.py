"""Who may ask for what, and where: decided from the policy alone, and denied unless it says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from handlers.contract import Effect
from handlers.errors import Reason
from jobs.configuration import Policy
from jobs.consent_terms import effect_policy, terms_of
from state.schedule_store import Schedule


class Place(StrEnum):
    """Where a command was typed."""

    OPS_CHANNEL = "ops_channel"
    #: A direct message, to the bot alone or in a group.
    DIRECT = "direct"
    ANOTHER_CHANNEL = "another_channel"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The roles through which it is allowed; none are needed for what everybody may ask."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """The facts of a refusal: why, which roles would do, and which the person has."""

    reason: Reason
    needed: tuple[str, ...] = ()
    has: tuple[str, ...] = ()


class HasEffect(Protocol):
    """A verb, as far as permissions go; `None` is for what tells nothing about the host."""

    @property
    def effect(self) -> Effect | None: ...


Verb = TypeVar("Verb", bound=HasEffect)


def roles_of(policy: Policy, user_id: int) -> tuple[str, ...]:
    """The roles that list this person, in the order of the policy."""
    return tuple(role for role, members in policy.roles.items() if user_id in members)


def everybody(policy: Policy) -> frozenset[int]:
    """All whom any role lists."""
    return frozenset(one for members in policy.roles.values() for one in members)


def may_ask(policy: Policy, user_id: int, effect: Effect | None) -> Allowed | Denied:
    """Whether this person may ask for it; that it is an active human is judged by the gate."""
    has = roles_of(policy, user_id)
    if effect is None:
        return Allowed(())
    needed = effect_policy(policy, effect).ask
    through = tuple(role for role in has if role in needed)
    return Allowed(through) if through else Denied(Reason.NOT_PERMITTED, needed, has)


def deciders(policy: Policy, effect: Effect) -> tuple[str, ...]:
    """The roles whose word counts on what became of a command of this effect: of those who approve
    such, or, where nobody else has to, of those who ask for it."""
    chosen = effect_policy(policy, effect)
    return chosen.approve or chosen.ask


def may_decide(policy: Policy, user_id: int | None, effect: Effect) -> bool:
    has = () if user_id is None else roles_of(policy, user_id)
    return not set(has).isdisjoint(deciders(policy, effect))


def allowed_where(place: Place, effect: Effect | None) -> Denied | None:
    """Why it may not be asked here; what other channels would show is nobody's business there."""
    if place is Place.OPS_CHANNEL:
        return None
    if place is Place.DIRECT and effect in (None, Effect.READ):
        return None
    return Denied(Reason.WRONG_PLACE)


def why_void(policy: Policy, epoch: int, schedule: Schedule) -> str | None:
    """Why the consent that a schedule was given once holds no more; None while it does.

    Another policy alone voids nothing: it counts whether the same people could agree to it now.
    """
    if schedule.source == "file" or schedule.asker_id is None:
        return None
    if schedule.epoch != epoch:
        return "Zulip's database was put back since it was agreed to"
    effect = Effect(schedule.effect or Effect.DESTRUCTIVE)
    if isinstance(may_ask(policy, schedule.asker_id, effect), Denied):
        return f"whoever added it may not ask for {effect.value} commands any more"
    if effect is Effect.READ:
        return None
    terms = terms_of(policy, effect, schedule.asker_id)
    counting = terms.approvers if terms.self_counts else terms.approvers - {schedule.asker_id}
    if len(counting & set(schedule.agreed_by)) < terms.needed:
        return "by the present policy those who agreed to it are not enough"
    return None


def visible(policy: Policy, user_id: int, verbs: Iterable[Verb]) -> tuple[Verb, ...]:
    """The verbs this person may run, for help and whoami."""
    return tuple(
        verb for verb in verbs if isinstance(may_ask(policy, user_id, verb.effect), Allowed)
    )
