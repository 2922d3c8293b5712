"""Writes the text that people consent to, from a plan and the request it answers."""

import re
from collections.abc import Iterator, Sequence

from handlers.contract import JSON, Effect, Facts, Plan
from handlers.errors import Reason, Refused
from handlers.wording import duration, label, worded
from jobs.journal import Asker, Consent, RunSpec
from jobs.runs.fingerprint import SHORT

#: What the bot sends whole; it would take the middle out of a longer message.
LONGEST_CARD = 9_000
#: So many people are named, and told of the plan by that; `policy` lists them all.
MOST_NAMED = 20
#: Of steps, checks and estimates as many lines are shown as the message has room for.
FEWER_LINES = (1_000, 30, 10, 3)
#: A longer value is cut; the fingerprint covers it whole.
LONGEST_VALUE = 300
#: A bound value that is longer, with its name, has a line of its own.
SHORT_FACT = 40
#: What would end a mention or begin another; Zulip refuses these in names, others may not.
UNSAFE_IN_NAME = re.compile(r"[*`\\>\"@|\n\r]")
#: The name of a store, for one, can be bold; anything else stands in code.
PLAIN_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9. -]*[A-Za-z0-9])?")

#: Without word from the policy, what each effect needs at least.
CONSENT = {
    Effect.READ: Consent(needed=0),
    Effect.ROUTINE: Consent(needed=1, asker_confirms=True),
    Effect.DISRUPTIVE: Consent(needed=1),
    Effect.DESTRUCTIVE: Consent(needed=2),
}
COUNTS = {1: "one", 2: "two", 3: "three"}


def plan_card(spec: RunSpec, effect: Effect, plan: Plan, fingerprint: str) -> str:
    """Zulip markdown; what comes from the host stands in code only.

    What is bound is never left out, nor is the end: raises Refused when that alone is longer than a
    message, for nobody can consent to what they cannot read.
    """
    for most in FEWER_LINES:
        card = _card(spec, effect, plan, fingerprint, most)
        if len(card) <= LONGEST_CARD:
            return card
    raise Refused(
        f"The plan is too long to be shown whole: it has {len(card)} characters, and a message"
        f" in Zulip has room for {LONGEST_CARD}. Nobody can consent to what they cannot read.",
        reason=Reason.PREFLIGHT_FAILED,
        hint="Ask for less at a time.",
    )


def _card(spec: RunSpec, effect: Effect, plan: Plan, fingerprint: str, most: int) -> str:
    parts = (
        _head(spec, effect),
        plan.summary,
        _confirmation(spec, effect),
        _listed("What you agree to", _bound(plan.binding)),
        _listed("Steps", _cut([f"{n}. {step}" for n, step in enumerate(plan.steps, 1)], most)),
        _listed("Checked now, and again before it starts", _preconditions(plan, most)),
        _listed("Estimates", _estimates(plan.estimates, most)),
        f"**Way back**: {plan.way_back}",
        f"Plan `{fingerprint}`, for short its first {SHORT} characters.",
    )
    # Zulip cuts blanks off the end: with any, what it stores would not be what was consented to.
    return "\n\n".join(part for part in parts if part).rstrip()


def _head(spec: RunSpec, effect: Effect) -> str:
    arguments = "".join(
        f" · {label(name)}: {_code(worded(name, value))}"
        for name, value in spec.arguments.items()
        if value is not None and value is not False
    )
    return (
        f"**Job #{spec.job}: {spec.operation}**{arguments}"
        f" · asked by {_person(spec.asker)} · **{effect.value}**"
    )


def _person(asker: Asker) -> str:
    if asker.kind == "schedule":
        return f"the schedule {_code(asker.name)}"
    if asker.kind == "root":
        return "root on the host"
    if asker.id is None or UNSAFE_IN_NAME.search(asker.name):
        return _code(asker.name)
    return f"@_**{asker.name}|{asker.id}**"


def _listed(title: str, lines: tuple[str, ...]) -> str:
    return "\n".join((f"**{title}**", *lines)) if lines else ""


def _cut(lines: Sequence[str], most: int, more: str = "more") -> tuple[str, ...]:
    """The first of them, and how many there are besides; a single one is never left out."""
    if len(lines) <= most + 1:
        return tuple(lines)
    return (*lines[:most], f"- … and {len(lines) - most} {more}")


def _preconditions(plan: Plan, most: int) -> tuple[str, ...]:
    """What is not met stops the job, and is never left out."""
    met = [f"- ✔ {one.sentence}" for one in plan.preconditions if one.holds]
    unmet = [f"- ✘ **not met**: {one.sentence}" for one in plan.preconditions if not one.holds]
    return (*_cut(met, most, "more, all met"), *unmet)


def _bound(binding: Facts) -> tuple[str, ...]:
    """Every bound value: all short ones on one line, each long one and a table's on its own."""
    tables: list[str] = []
    short: list[str] = []
    long: list[str] = []
    for name, value in binding.items():
        if name == "operation":
            continue  # the head says it
        if isinstance(value, dict):
            tables += [
                f"- {label(name)} {_key(key)}: {_code(worded(key, each))}"
                for key, each in value.items()
            ]
        else:
            fact = f"{label(name)}: {_value(name, value)}"
            (short if len(fact) <= SHORT_FACT else long).append(fact)
    together = [", ".join(short)] if short else []
    return (*(f"- {line}" for line in (*together, *long)), *tables)


def _key(key: str) -> str:
    return f"**{key}**" if PLAIN_KEY.fullmatch(key) else _code(key)


def _estimates(facts: Facts, most: int) -> tuple[str, ...]:
    """What is not known yet is left out."""
    known = {name: value for name, value in facts.items() if value not in (None, "", [], {})}
    return _cut([f"- {label(name)}: {_value(name, known[name], most)}" for name in known], most)


def _value(name: str, value: JSON, most: int | None = None) -> str:
    if isinstance(value, list):
        shown = ", ".join(_code(worded(name, each)) for each in value[:most]) or "none"
        left = 0 if most is None else len(value) - most
        return f"{shown} and {left} more" if left > 0 else shown
    return _code(worded(name, value))


def _confirmation(spec: RunSpec, effect: Effect) -> str:
    consent = spec.consent or CONSENT[effect]
    if not consent.needed:
        return ""
    until = ""
    if spec.expires_at is not None:
        until = f", before <time:{spec.expires_at:%Y-%m-%dT%H:%M:%SZ}>"
    single = consent.needed == 1
    word = "" if consent.asker_confirms else f", or with `approve {spec.job}`"
    silence = "no reaction" if single else "fewer reactions"
    cancels = f"❌, or {silence} until then, cancels it." if until else "❌ cancels it."
    sentences = (
        f"**To {'confirm' if consent.asker_confirms else 'approve'}**: {_who(spec, consent)}"
        f" {'reacts' if single else 'react'} with ✅ to this message{word}{until}.",
        cancels,
        *_arming(consent),
        *_windows(consent),
    )
    return " ".join(sentences)


def _who(spec: RunSpec, consent: Consent) -> str:
    """Named by id alone: Zulip shows the present names, and tells each of them of the plan."""
    if consent.asker_confirms:
        return _person(spec.asker)
    count = COUNTS.get(consent.needed, str(consent.needed))
    if not consent.people:
        people = "person" if consent.needed == 1 else "people"
        return f"{count} {people} whom the policy lists, other than {_person(spec.asker)},"
    counting = set(consent.people) - (set() if consent.asker_counts else {spec.asker.id})
    names = [_person(spec.asker) if one == spec.asker.id else f"@**|{one}**" for one in counting]
    named = ", ".join(sorted(names)[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        named += f" and {len(names) - MOST_NAMED} others, whom `policy` lists,"
    if consent.needed < len(names):
        return f"{count} of {named}"
    return named if len(names) == 1 else f"each of {named}"


def _arming(consent: Consent) -> Iterator[str]:
    if consent.arming_seconds:
        wait = duration(consent.arming_seconds)
        yield f"After the last ✅ it waits {wait}, in which ❌ still stops it."


def _windows(consent: Consent) -> Iterator[str]:
    if consent.windows:
        times = " or ".join(_code(window) for window in consent.windows)
        yield f"It starts within {times} only."


def _code(text: str) -> str:
    """Inline code that no run of backticks in the text can end, on one line."""
    # Control characters and marks that turn the direction of writing could disguise the rest.
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split())) or " "
    if len(line) > LONGEST_VALUE:
        line = line[:LONGEST_VALUE] + "…"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest else f"{fence}{line}{fence}"
