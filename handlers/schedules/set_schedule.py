"""Plans a schedule: what will run, when, and what it makes of runs that were missed."""

from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from handlers.contract import Context, Handler, Outcome, Plan
from handlers.schedules import cron_line

_MISSED = {
    "once": "one run makes up for all of them",
    "skip": "they are left out",
    "all": "each is made up for",
}
_SHOWN = 3


@dataclass(frozen=True)
class Args:
    """A schedule as a whole; whoever changes one hands in what stays as well."""

    name: str
    command: str = ""
    cron: str = ""
    tz: str = ""
    catch_up: str = ""
    grace: int = 60


def plan(context: Context, args: Args) -> Plan:
    """Nothing on the host is looked at; the consent is to everything that it will ever start."""
    cron_line.check(args.cron, args.tz)
    words = cron_line.explain(args.cron, args.tz)
    due = list(islice(cron_line.occurrences(args.cron, args.tz, context.clock.now()), _SHOWN))
    there = ZoneInfo(args.tz)
    return Plan(
        summary=f"From then on it runs by itself, {words} ({args.tz}), and nobody is asked again.",
        binding={
            "schedule": args.name,
            "runs": args.command,
            "when": f"{args.cron} ({words})",
            "time_zone": args.tz,
            "missed_runs": _MISSED[args.catch_up],
            "missed_after": f"{args.grace} min",
        },
        steps=("Write the schedule down",),
        way_back=f"`schedule pause {args.name}` or `schedule remove {args.name}`, at any time.",
        estimates={"next_runs": [f"{at.astimezone(there):%a %d %b %Y %H:%M %Z}" for at in due]},
    )


def run(_context: Context, args: Args, _plan: Plan) -> Outcome:
    """Schedules are the bot's own: whoever takes this end in writes it down with the consent."""
    words = cron_line.explain(args.cron, args.tz)
    return Outcome(
        f"`{args.command}` runs {words} ({args.tz}) from now on.",
        "Nothing on the server was changed.",
        {"schedule": args.name},
        next="schedules",
    )


HANDLER = Handler(args=Args, plan=plan, run=run)
