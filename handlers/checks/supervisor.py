"""Are all of Zulip's programs running?"""

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.host.services import Program, list_programs

#: On its way to RUNNING; anything else that is not running needs somebody.
_ON_ITS_WAY = frozenset({"STARTING"})
_NAMED = 3


def observe(context: Context) -> Finding:
    programs = list_programs(context.layout, context.patience)
    down = [program for program in programs if not program.running]
    running = len(programs) - len(down)
    level = Level.OK
    if down or not programs:
        on_its_way = programs and all(program.state in _ON_ITS_WAY for program in down)
        level = Level.WARNING if on_its_way else Level.CRITICAL
    return Finding(
        level,
        _sentence(programs, down),
        {
            "programs": [
                {"name": each.name, "state": each.state, "detail": each.detail} for each in programs
            ],
            "running": running,
            "total": len(programs),
        },
        _hint(down) if level is not Level.OK else None,
    )


def _sentence(programs: tuple[Program, ...], down: list[Program]) -> str:
    if not programs:
        return "supervisord knows no programs."
    if not down:
        return f"All {len(programs)} programs are running."
    names = [f"{each.name} ({each.state.lower()})" for each in down[:_NAMED]]
    if len(down) > _NAMED:
        names.append(f"{len(down) - _NAMED} more")
    return f"{len(down)} of {len(programs)} programs are not running: {', '.join(names)}."


def _hint(down: list[Program]) -> str:
    if not down:
        return "Check that /etc/supervisor/conf.d/zulip/ is in place on the host."
    return f"Read /var/log/zulip/errors.log, then run `supervisorctl start {down[0].name}`."


CHECK = Check("supervisor", "All of Zulip's programs are running", observe)
