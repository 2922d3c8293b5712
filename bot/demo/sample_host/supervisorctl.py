"""Imitates supervisorctl: the same lines and exit codes, over a file instead of supervisord."""

import json
import sys
import time
from pathlib import Path

#: As supervisorctl ends: asked for and not running, and unknown or unreachable.
NOT_RUNNING = 3
UNKNOWN = 4

_STATE_COLUMN = 64
_FIRST_PROCESS_ID = 16500

#: `state`, `detail` (None: made of pid and uptime) and `at`, when it started (epoch seconds).
Program = dict[str, str | float | None]
#: By name, with the group.
Programs = dict[str, Program]


def main(arguments: list[str]) -> int:
    """`arguments`: the file with the programs, then what supervisorctl would be given."""
    file, (action, *names) = Path(arguments[0]), arguments[1:] or ["status"]
    try:
        programs: Programs = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _say("unix:///var/run/supervisor.sock no such file", UNKNOWN)
    if action == "status":
        return _status(programs, names)
    if action not in ("start", "stop", "restart"):
        return _say(f"*** Unknown syntax: {' '.join(arguments[1:])}", 1)
    exit_code = 0
    for name in names:
        exit_code = max(exit_code, _control(programs, action, name))
    write(file, programs)
    return exit_code


def write(file: Path, programs: Programs) -> None:
    """Replace the file, so that nobody reads half of it."""
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(programs, indent=1), encoding="utf-8")
    temporary.replace(file)


def _status(programs: Programs, names: list[str]) -> int:
    exit_code = 0
    asked = names or ["all"]
    for name in asked:
        chosen = _chosen(programs, name)
        if not chosen and name != "all":
            exit_code = _say(f"{name}: ERROR (no such process)", UNKNOWN)
        for each in chosen:
            _say(_line(each, programs), 0)
            if programs[each]["state"] != "RUNNING" and exit_code != UNKNOWN:
                exit_code = NOT_RUNNING
    return exit_code


def _control(programs: Programs, action: str, name: str) -> int:
    chosen = _chosen(programs, name)
    if not chosen and name != "all":
        return _say(f"{name}: ERROR (no such process)", 1)
    exit_code = 0
    for each in chosen:
        running = programs[each]["state"] == "RUNNING"
        if action in ("stop", "restart") and running:
            programs[each] = {"state": "STOPPED", "detail": _now("%b %d %I:%M %p"), "at": None}
            _say(f"{each}: stopped", 0)
        elif action == "stop":
            exit_code = _say(f"{each}: ERROR (not running)", 1)
        if action == "start" and running:
            exit_code = _say(f"{each}: ERROR (already started)", 1)
        elif action in ("start", "restart"):
            programs[each] = {"state": "RUNNING", "detail": None, "at": time.time()}
            _say(f"{each}: started", 0)
    return exit_code


def _chosen(programs: Programs, name: str) -> list[str]:
    if name == "all":
        return sorted(programs)
    if name.endswith(":*"):
        return sorted(each for each in programs if each.startswith(name[:-1]))
    return [name] if name in programs else []


def _line(name: str, programs: Programs) -> str:
    program = programs[name]
    detail = program["detail"]
    if detail is None:
        started = program["at"]
        seconds = int(time.time() - started) if isinstance(started, float) else 0
        hours, rest = divmod(max(0, seconds), 3600)
        process_id = _FIRST_PROCESS_ID + sorted(programs).index(name)
        detail = f"pid {process_id}, uptime {hours}:{rest // 60:02d}:{rest % 60:02d}"
    column = max(_STATE_COLUMN, max(map(len, programs)) + 3)
    return f"{name:<{column}}{program['state']:<10}{detail}"


def _now(shape: str) -> str:
    return time.strftime(shape, time.gmtime())


def _say(line: str, exit_code: int) -> int:
    sys.stdout.write(f"{line}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
