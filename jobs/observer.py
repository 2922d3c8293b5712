"""Makes one round of all due observations and leaves what it saw in facts.json."""

import argparse
import grp
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from handlers.checks.contract import Check, Context
from handlers.checks.registry import CHECKS
from handlers.contract import JSON, Clock
from jobs.clock import SystemClock
from jobs.observing.facts import FACTS_FILE, VERSION, Fact, FactsError, read_facts
from jobs.observing.observation import Observed, observe_all
from jobs.observing.observer_spec import ObserverSpec, SpecError, read_spec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MODE = 0o640
#: A round that comes a little early still counts as on time.
_EARLY = 0.9

EXIT_UNUSABLE = 2
EXIT_TRY_AGAIN = 75


def main(arguments: list[str]) -> int:
    """One round; 2 when the spec cannot be used, 75 when facts.json cannot be written."""
    parser = argparse.ArgumentParser(prog="observer", description=__doc__)
    parser.add_argument("--spec", type=Path, help="file with the spec; standard input without it")
    given = parser.parse_args(arguments)
    try:
        text = given.spec.read_text(encoding="utf-8") if given.spec else sys.stdin.read()
        observe_host(read_spec(text), SystemClock())
    except SpecError as error:
        return _complain(error.message, EXIT_UNUSABLE)
    except OSError as error:
        return _complain(f"The observer could not leave its facts: {error}.", EXIT_TRY_AGAIN)
    return 0


def observe_host(spec: ObserverSpec, clock: Clock) -> None:
    """One round, written to facts.json in one move; OSError when that is not possible."""
    started_at = clock.now()
    known = _known(spec)
    facts = {name: _record(fact) for name, fact in known.items()}
    context = Context(
        spec.host, spec.stores, spec.state_directory, clock, spec.time_limit, spec.keys
    )
    for observed in observe_all(_due(spec, known, started_at), context):
        facts[observed.name] = _fresh_record(observed, clock.now())
    order = [check.name for check in CHECKS]
    _leave(
        spec,
        {
            "version": VERSION,
            "round_started_at": started_at.isoformat(),
            "round_ended_at": clock.now().isoformat(),
            "boot_id": _BOOT_ID.read_text(encoding="ascii").strip(),
            "facts": {name: facts[name] for name in order if name in facts},
        },
    )


def _known(spec: ObserverSpec) -> dict[str, Fact]:
    """What earlier rounds saw; nothing where that cannot be read, as it is made anew."""
    try:
        earlier = read_facts(spec.state_directory)
    except FactsError:
        return {}
    return dict(earlier.facts) if earlier else {}


def _due(spec: ObserverSpec, known: dict[str, Fact], now: datetime) -> list[Check]:
    return [
        check
        for check in CHECKS
        if spec.fresh
        or check.name not in known
        # A fact from the future means that the clock was set back.
        or not 0 <= known[check.name].age(now) / check.every < _EARLY
    ]


def _fresh_record(observed: Observed, at: datetime) -> JSON:
    return {"at": at.isoformat(), **asdict(observed.finding), "seconds": observed.seconds}


def _record(fact: Fact) -> JSON:
    record = asdict(fact)
    del record["name"]
    return record | {"at": fact.at.isoformat()}


def _leave(spec: ObserverSpec, record: dict[str, JSON]) -> None:
    """Replace facts.json by rename, so that a reader sees the old round or the new one."""
    group = _group_id(spec.group)
    target = spec.state_directory / FACTS_FILE
    temporary = target.with_name(f".{FACTS_FILE}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, _MODE)
            json.dump(record, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _group_id(name: str | None) -> int:
    """The number of the group; -1, which changes nothing, for none."""
    try:
        return -1 if name is None else grp.getgrnam(name).gr_gid
    except KeyError:
        raise SpecError(f"there is no group {name} on this host") from None


def _complain(sentence: str, exit_code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
