"""What is told of a store that was probed: what it can do, and what is therefore not relied on."""

from collections.abc import Iterator, Mapping
from typing import Any

from handlers.backups.probing.abilities import RACERS, Ability, Probe
from handlers.wording import duration

_CAN = {
    Ability.ONE_WINNER: f"of {RACERS} writers of one key one wins",
    Ability.READ_BACK: "who lost the answer finds out by reading",
    Ability.CHECKS_SHA256: "a wrong SHA-256 is refused",
    Ability.CHECKS_MD5: "a wrong MD5 is refused",
    Ability.VERSIONING: "what is deleted stays as a version",
    Ability.OBJECT_LOCK: "objects are locked for a time",
    Ability.DELETES: "this host can delete objects",
}
_NO_LEASE = (
    "so no lease is taken there: only this host's own lock keeps two removals apart, and no other"
    " host may remove copies from it"
)
_READ_ANYWAY = "Nothing relies on it: every object is read back and compared before it counts"
_CANNOT = {
    Ability.READ_BACK: (f"After a lost answer nobody can tell who wrote an object, {_NO_LEASE}"),
    Ability.CHECKS_SHA256: f"It takes what has another SHA-256 than was sent. {_READ_ANYWAY}",
    Ability.CHECKS_MD5: f"It takes what has another MD5 than was sent. {_READ_ANYWAY}",
    Ability.DELETES: (
        "This host cannot delete there, so nothing is ever removed; what a failed backup leaves"
        " counts nowhere"
    ),
}
_NOT_KNOWN = {
    Ability.VERSIONING: "Whether it keeps versions is not for this host's key to know",
    Ability.OBJECT_LOCK: "Whether it locks objects is not for this host's key to know",
}


def stores_probed(shown: Mapping[str, Any], _bot_name: str) -> str:
    """Of `backup probe`."""
    lines: list[str] = []
    for store in shown["stores"]:
        probe = Probe.from_json(store)
        lines.append(f"- **{store['name']}**: {can(probe)}.")
        lines += [f"  - **{sentence}**." for sentence in cannot(probe)]
        lines += [f"  - {sentence}." for sentence in remarks(probe)]
    return "\n".join(lines)


def can(probe: Probe) -> str:
    """What was seen of it, in one breath."""
    told = [said for ability, said in _CAN.items() if probe.can(ability)]
    if probe.clock_error_seconds is not None and probe.clocks_agree:
        told.append(f"its clock and ours agree to {duration(abs(probe.clock_error_seconds))}")
    return "; ".join(told) or "nothing that is asked of a store"


def cannot(probe: Probe) -> Iterator[str]:
    """What has consequences for what is done there."""
    if not probe.can(Ability.ONE_WINNER):
        won = "none" if probe.winners == 0 else f"{probe.winners}"
        yield f"Of {RACERS} writers of one key {won} won, {_NO_LEASE}"
    elif not probe.can(Ability.READ_BACK):
        yield _CANNOT[Ability.READ_BACK]
    if not probe.clocks_agree:
        error = probe.clock_error_seconds or 0.0
        ahead = "ahead of" if error > 0 else "behind"
        yield f"Its clock is {duration(abs(error))} {ahead} ours, {_NO_LEASE}"


def remarks(probe: Probe) -> Iterator[str]:
    """What is good to know; nothing that is done there depends on it."""
    for ability in (Ability.CHECKS_SHA256, Ability.CHECKS_MD5, Ability.DELETES):
        if probe.found.get(ability) is False:
            yield _CANNOT[ability]
    kept = (Ability.VERSIONING, Ability.OBJECT_LOCK)
    if all(probe.found.get(ability) is False for ability in kept):
        yield (
            "It keeps no versions and locks nothing: whoever has this host's key to it can remove"
            " every copy"
        )
    if probe.found.get(Ability.CHECKS_SHA256) is not None:
        yield from (_NOT_KNOWN[each] for each in kept if probe.found.get(each) is None)
