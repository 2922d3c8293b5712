"""Writes the text that people consent to, from a plan and the request it answers."""

import re
from collections.abc import Iterator

from handlers.contract import Effect, Facts, Plan
from handlers.wording import label, worded
from jobs.fingerprint import SHORT
from jobs.journal import Asker, Consent, RunSpec

#: A longer value is cut; the fingerprint covers it whole.
LONGEST_VALUE = 300
#: What would end a mention or begin another; Zulip refuses these in names, others may not.
UNSAFE_IN_NAME = re.compile(r"[*`\\>\"@|\n\r]")

#: Without word from the policy, what each effect needs at least.
CONSENT = {
    Effect.READ: Consent(needed=0),
    Effect.ROUTINE: Consent(needed=1, asker_confirms=True),
    Effect.DISRUPTIVE: Consent(needed=1),
    Effect.DESTRUCTIVE: Consent(needed=2),
}
COUNTS = {1: "one", 2: "two", 3: "three"}


def plan_card(spec: RunSpec, effect: Effect, plan: Plan, fingerprint: str) -> str:
    """Zulip markdown; what comes from the host stands in code only."""
    parts = (
        _head(spec, effect),
        plan.summary,
        _listed("Steps", plan.steps, numbered=True),
        _listed("Bound by your consent", _figures(plan.binding)),
        _listed("Must hold at the start", _preconditions(plan)),
        _listed("Expected", _figures(plan.estimates)),
        f"**Way back**: {plan.way_back}",
        _confirmation(spec, effect),
        f"Plan `{fingerprint[:SHORT]}`, in full `{fingerprint}`",
    )
    # Zulip cuts blanks off the end: with any, what it stores would not be what was consented to.
    return "\n\n".join(part for part in parts if part).rstrip()


def _head(spec: RunSpec, effect: Effect) -> str:
    arguments = "".join(f" {_code(worded(name, value))}" for name, value in spec.arguments.items())
    return (
        f"**{spec.operation.capitalize()}**{arguments} · job {spec.job}"
        f" · asked by {_person(spec.asker)} · effect **{effect.value}**"
    )


def _person(asker: Asker) -> str:
    if asker.kind == "schedule":
        return f"the schedule {_code(asker.name)}"
    if asker.kind == "root":
        return "root on the host"
    if asker.id is None or UNSAFE_IN_NAME.search(asker.name):
        return _code(asker.name)
    return f"@_**{asker.name}|{asker.id}**"


def _listed(title: str, lines: tuple[str, ...], *, numbered: bool = False) -> str:
    if not lines:
        return ""
    marked = (f"{f'{n}.' if numbered else '-'} {line}" for n, line in enumerate(lines, 1))
    return "\n".join((f"**{title}**", *marked))


def _preconditions(plan: Plan) -> tuple[str, ...]:
    return tuple(
        f"{'holds now' if check.holds else '**does not hold**'}: {check.sentence}"
        for check in plan.preconditions
    )


def _figures(facts: Facts) -> tuple[str, ...]:
    return tuple(f"{label(name)}: {_code(worded(name, value))}" for name, value in facts.items())


def _confirmation(spec: RunSpec, effect: Effect) -> str:
    consent = spec.consent or CONSENT[effect]
    if not consent.needed:
        return ""
    sentences = (
        f"**To confirm**: ✅ on this message, by {_who(spec, consent)}.",
        "❌ ends it." if not consent.asker_confirms else "❌ ends it, and so does silence.",
        *_arming(consent),
        *_end(spec),
    )
    return " ".join(sentences)


def _who(spec: RunSpec, consent: Consent) -> str:
    if consent.asker_confirms:
        return f"{_person(spec.asker)}, who asked"
    count = COUNTS.get(consent.needed, str(consent.needed))
    people = "person" if consent.needed == 1 else "people"
    names = ", ".join(_code(name) for name in consent.people)
    whom = f": {names}" if names else " whom the policy lists"
    return f"{count} other {people} than who asked{whom}"


def _arming(consent: Consent) -> Iterator[str]:
    if consent.arming_minutes:
        yield f"It then waits {consent.arming_minutes} min, in which ❌ still stops it."


def _end(spec: RunSpec) -> Iterator[str]:
    if spec.expires_at is not None:
        yield f"It waits until <time:{spec.expires_at:%Y-%m-%dT%H:%M:%SZ}>."


def _code(text: str) -> str:
    """Inline code that no run of backticks in the text can end, on one line."""
    # Control characters and marks that turn the direction of writing could disguise the rest.
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split())) or " "
    if len(line) > LONGEST_VALUE:
        line = line[:LONGEST_VALUE] + "…"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest else f"{fence}{line}{fence}"
