"""Completes what is asked about a schedule, and keeps the schedule once that is agreed to."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.deciding.effects import Effect, WakeFor
from bot.deciding.outgoing import Outgoing, schedule_topic
from bot.grammar import Grammar, Parsed
from bot.replies.scheduling import ScheduleIsRoots
from bot.understanding.inner_command import with_inner
from handlers.contract import Declaration
from handlers.errors import BadCommand, Reason
from handlers.schedules import cron_line
from jobs.configuration import Policy
from jobs.consent_terms import policy_sha256
from jobs.engine import actor
from jobs.lifecycle import OPEN, Status
from jobs.schedules import recurrences
from state import approval_store, job_store, schedule_store
from state.database import Transaction
from state.job_store import Job
from state.schedule_store import Grant, NewSchedule, Schedule

ADD, CHANGE = "schedule add", "schedule change"
#: A week: what is found later was missed, whatever it was.
LONGEST_GRACE_MINUTES = 10_080
_DEFAULTS: dict[str, str | int | bool] = {"catch_up": "once", "grace": 60}


@dataclass(frozen=True, slots=True)
class Scheduling:
    """A schedule is agreed to whole, so a change of a part is made a plan of all of it."""

    grammar: Grammar
    #: In which cron is read where nobody says so.
    tz: str

    def complete(self, tx: Transaction, parsed: Parsed) -> Parsed:
        """With every argument and with the effect of what it runs; raises BadCommand."""
        name = str(parsed.arguments["name"])
        present = schedule_store.get(tx, name)
        self._check_name(tx, parsed, name, present)
        before = _as_arguments(present) if present else {"tz": self.tz, **_DEFAULTS}
        whole = replace(parsed, arguments={**before, **parsed.arguments})
        arguments = whole.arguments
        cron_line.check(str(arguments["cron"]), str(arguments["tz"]))
        if int(arguments["grace"]) > LONGEST_GRACE_MINUTES:
            raise _bad(f"`--grace` is at most {LONGEST_GRACE_MINUTES} minutes, which is a week.")
        whole = with_inner(self.grammar, whole, str(arguments["command"]))
        if present is not None and whole.arguments == before and not present.suspended:
            raise _bad(f"The schedule `{name}` is like that already.")
        return whole

    def _check_name(
        self, tx: Transaction, parsed: Parsed, name: str, present: Schedule | None
    ) -> None:
        if present is not None and present.source == "file":
            raise roots(name)
        if parsed.verb.name == ADD and present is not None:
            raise _bad(
                f"There is a schedule `{name}` already; it runs `{present.command}`.",
                f"`schedule change {name}` changes it; or choose another name.",
            )
        if parsed.verb.name == CHANGE and present is None:
            raise no_such_schedule(name)
        for job in job_store.in_status(tx, *sorted(OPEN)):
            if job.operation in {ADD, CHANGE} and job.arguments.get("name") == name:
                raise _bad(
                    f"Job #{job.id} is about the schedule `{name}` already.",
                    f"`cancel {job.id}` takes it back.",
                    Reason.BUSY,
                )


def is_about_schedules(parsed: Parsed) -> bool:
    """Whether it is first to be completed."""
    verb = parsed.verb
    return isinstance(verb, Declaration) and verb.effect_of is not None and not parsed.help_wanted


def keep(
    tx: Transaction, job: Job, policy: Policy, outgoing: Outgoing, now: datetime
) -> tuple[Effect, ...]:
    """Write the schedule of a job that succeeded down, together with the consent to it."""
    if job.operation not in {ADD, CHANGE} or job.status != Status.SUCCEEDED:
        return ()
    name = str(job.arguments["name"])
    present = schedule_store.get(tx, name)
    if present is not None and present.source == "file":
        outgoing.say(tx, schedule_topic(name), ScheduleIsRoots(name, job.id), now)
        return ()
    arguments = job.arguments
    new = NewSchedule(
        name,
        str(arguments["command"]),
        str(arguments["cron"]),
        str(arguments["tz"]),
        str(arguments["catch_up"]),
        int(str(arguments["grace"])),
    )
    grant = Grant(
        effect=job.effect,
        asker_id=job.asker_id,
        asker_name=job.asker_name,
        agreed_by=_agreed_by(tx, job),
        job_id=job.id,
        fingerprint=job.fingerprint,
        epoch=job.epoch,
        policy_sha256=policy_sha256(policy),
    )
    who = actor(job.origin, job.asker_id, job.asker_name)
    schedule_store.put(tx, new, source="chat", actor=who, at=now, grant=grant)
    return (wake(tx),)


def wake(tx: Transaction) -> WakeFor:
    """The clock is to be looked at for the schedules that there are now."""
    return WakeFor(recurrences(schedule_store.all_schedules(tx)))


def no_such_schedule(name: str) -> BadCommand:
    return _bad(f"There is no schedule `{name}`.", "`schedules` lists them.")


def roots(name: str) -> BadCommand:
    """Chat is not root: what root wrote is changed where it stands."""
    return _bad(
        f"The schedule `{name}` stands in zulip-ops.toml, which only root changes.",
        "Edit it there and restart the bot; from here it can be paused and resumed.",
        Reason.NOT_PERMITTED,
    )


def _agreed_by(tx: Transaction, job: Job) -> list[int]:
    request = approval_store.get(tx, job.id)
    votes = request.votes if request is not None and request.status == "consumed" else None
    return [one for one in votes if isinstance(one, int)] if isinstance(votes, list) else []


def _as_arguments(row: Schedule) -> dict[str, str | int | bool]:
    return {
        "name": row.name,
        "command": row.command,
        "cron": row.cron,
        "tz": row.tz,
        "catch_up": row.catch_up,
        "grace": row.grace_minutes,
    }


def _bad(
    sentence: str, hint: str | None = None, reason: Reason = Reason.BAD_ARGUMENT
) -> BadCommand:
    return BadCommand(sentence, reason=reason, hint=hint)
