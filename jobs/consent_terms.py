"""What the policy asks of each effect: whose consent, of how many, for how long."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta

from handlers.contract import Effect
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_rules import Kind

#: Where the policy names no figure of its own.
PEOPLE = {Effect.DESTRUCTIVE: 2}
EXPIRES = {Effect.DESTRUCTIVE: timedelta(minutes=30)}
ARMING = {Effect.DESTRUCTIVE: timedelta(seconds=60)}
USUAL_EXPIRY = timedelta(minutes=60)
#: With `solo` the delay is what stands in for the second person.
SOLO_ARMING = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms one person's command is consented to."""

    kind: Kind
    approvers: frozenset[int]
    needed: int
    self_counts: bool
    arming: timedelta

    def enough_people(self, asker_id: int | None) -> bool:
        """Whether consent can come about at all."""
        counting = self.approvers if self.self_counts else self.approvers - {asker_id}
        return len(counting) >= self.needed


def effect_policy(policy: Policy, effect: Effect) -> EffectPolicy:
    """What the policy says about commands of this effect."""
    by_effect = {
        Effect.READ: policy.read,
        Effect.ROUTINE: policy.routine,
        Effect.DISRUPTIVE: policy.disruptive,
        Effect.DESTRUCTIVE: policy.destructive,
    }
    return by_effect[effect]


def waiting_time(policy: Policy, effect: Effect) -> timedelta:
    """How long a plan of this effect can be consented to and started."""
    minutes = effect_policy(policy, effect).expires_minutes
    return EXPIRES.get(effect, USUAL_EXPIRY) if minutes is None else timedelta(minutes=minutes)


def terms_of(policy: Policy, effect: Effect, asker_id: int) -> Terms:
    """Whose consent a command of this effect needs when this person asks for it."""
    chosen = effect_policy(policy, effect)
    arming = ARMING.get(effect, timedelta(0))
    if chosen.arming_seconds is not None:
        arming = timedelta(seconds=chosen.arming_seconds)
    if effect in {Effect.READ, Effect.ROUTINE} and not chosen.approve:
        return Terms(Kind.CONFIRMATION, frozenset({asker_id}), 1, self_counts=True, arming=arming)
    listed = members(policy, chosen.approve)
    if policy.solo:
        whoever = listed | {asker_id}
        return Terms(Kind.APPROVAL, whoever, 1, self_counts=True, arming=max(arming, SOLO_ARMING))
    needed = PEOPLE.get(effect, 1) if chosen.people is None else chosen.people
    return Terms(Kind.APPROVAL, listed, needed, chosen.self_approval, arming)


def members(policy: Policy, roles: tuple[str, ...]) -> frozenset[int]:
    """Everybody whom these roles list."""
    return frozenset(person for role in roles for person in policy.roles.get(role, ()))


def policy_sha256(policy: Policy) -> str:
    """The fingerprint of a policy, in hexadecimal: another one voids what waits for consent."""
    canonical = json.dumps(asdict(policy), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
