"""How long a restore will take, from how fast the last one on this host was."""

import json
from collections.abc import Mapping
from contextlib import suppress

from handlers.backups.repository import DATABASE as DUMP
from handlers.backups.repository import Snapshot
from handlers.contract import JSON, Context
from handlers.restores.switching.arrangement import DATABASE, UPLOADS
from handlers.wording import duration, size

#: Below the state directory: how fast the parts were restored on this host.
RATES_FILE = "restore-rates.json"
#: How many of the last runs are told of.
RUNS_SHOWN = 3
#: Plain bytes a second where nothing was restored yet: measured on two busy cores with a database
#: of 94 MB and 2 000 uploads. Most hosts are faster.
USUAL = {DATABASE: 6.6e6, UPLOADS: 20e6}


def expected(context: Context, snapshot: Snapshot, parts: tuple[str, ...]) -> dict[str, JSON]:
    """Seconds beside the running server, and from what that is reckoned."""
    dump = snapshot.streams[DUMP].plain_bytes if DATABASE in parts else 0
    plain = {DATABASE: dump, UPLOADS: snapshot.uploads.bytes}
    known = known_rates(context)
    rates = {part: known.get(part, USUAL[part]) for part in parts}
    seconds = sum(plain[part] / rates[part] for part in parts)
    speeds = " and ".join(f"{part} at {size(rates[part])} a second" for part in parts)
    basis = "as the last restore here" if all(part in known for part in parts) else "a guess"
    return {
        "expected": f"{duration(max(1.0, seconds))} beside the running server ({speeds}: {basis}),"
        " after a backup",
        "downtime": "as long as Zulip takes to stop and to start; the rest is done before",
    }


def earlier_runs(context: Context) -> str:
    """How long whole restores took here, the last first; empty before the first one."""
    told = context.hints.get("seconds")
    earlier = told if isinstance(told, list) else []
    took = [float(each) for each in earlier if isinstance(each, int | float)]
    return ", ".join(duration(seconds) for seconds in took[:RUNS_SHOWN])


def known_rates(context: Context) -> Mapping[str, float]:
    """Plain bytes a second of the last restore here, by part; empty before the first one."""
    if context.state_directory is None:
        return {}
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = json.loads((context.state_directory / RATES_FILE).read_text(encoding="utf-8"))
        return {part: float(found[part]) for part in (DATABASE, UPLOADS) if found.get(part)}
    return {}


def keep_rates(context: Context, rates: Mapping[str, float]) -> None:
    """For the estimates of later plans; without them these say less, and that is all."""
    if context.state_directory is None:
        return
    with suppress(OSError):
        file = context.state_directory / RATES_FILE
        temporary = file.with_suffix(".new")
        temporary.touch(0o640)
        temporary.write_text(json.dumps({**known_rates(context), **rates}), encoding="utf-8")
        temporary.replace(file)
