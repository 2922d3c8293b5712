"""Performs one run, from its spec to its result, in a process of its own."""

import errno
import hashlib
import importlib
import os
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from handlers.contract import Context, Declaration, Effect, Handler, Outcome, Plan
from handlers.errors import Cancelled, HostFailure, OpsError, Reason, Refused
from handlers.host import process_table, redaction
from handlers.host.processes import RUN_MARKER
from handlers.registry import DECLARATIONS, declaration
from jobs.clock import SystemClock
from jobs.journal import PLAN, RUN, ResultStatus, RunName, RunResult, RunSpec
from jobs.plan_card import plan_card
from jobs.runs import host_lock, process_tree
from jobs.runs.crashpoints import crashpoint
from jobs.runs.detachment import detach
from jobs.runs.fields import Unreadable
from jobs.runs.fingerprint import fingerprint
from jobs.runs.interruption import hold_back, interruptible, what_ended_it
from jobs.runs.journal_writer import JournalWriter
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import memory_ran_out
from jobs.runs.time_limits import own_limit

#: For what a cancelled run leaves behind in sessions of its own.
TREE_GRACE = timedelta(seconds=1)
DETACH = "--detach"
EXIT_USAGE = 2

MAKE_THE_PLAN, CHECK_THE_PLAN = "Make the plan", "Check the plan"


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the verbs below share."""

    folder: RunFolder
    spec: RunSpec
    declaration: Declaration
    context: Context
    journal: JournalWriter
    started_at: datetime


def main(arguments: list[str], declarations: tuple[Declaration, ...] = DECLARATIONS) -> int:
    """`[--detach] FOLDER`; by hand, as argparse alone would cost a tenth of the start."""
    detaches = arguments[:1] == [DETACH]
    folders = arguments[detaches:]
    if len(folders) != 1:
        sys.stderr.write(f"runner [{DETACH}] FOLDER\n")
        return EXIT_USAGE
    hold_back()
    folder = RunFolder(Path(folders[0]).resolve())
    detached = detach(folder.errors_file) if detaches else None
    os.environ[RUN_MARKER] = str(folder.path)
    crashpoint("runner_started")
    is_ours = folder.claim(detached=detached is not None)
    if detached is not None:
        detached.ready()
    if is_ours:
        carry_out(folder, declarations)
    return 0


def carry_out(folder: RunFolder, declarations: tuple[Declaration, ...]) -> None:
    """The run that was claimed: whatever happens, it ends with a result."""
    crashpoint("run_begun")
    try:
        run = prepare(folder, declarations)
    except (Unreadable, OSError, KeyError) as error:
        folder.write_result(unprepared(folder.name, error))
        return
    run.journal.started(os.getpid(), process_table.boot_id(), run.spec.mode)
    record(run, perform(run))


def prepare(folder: RunFolder, declarations: tuple[Declaration, ...]) -> Run:
    spec = folder.read_spec()
    clock = SystemClock()
    redactor = redaction.of_host(spec.host, spec.stores)
    journal = JournalWriter(folder, redactor, clock)
    context = Context(
        job=spec.job,
        attempt=spec.attempt,
        host=spec.host,
        stores=spec.stores,
        journal=journal,
        clock=clock,
        hints=spec.hints,
        audit_head=spec.audit_head,
        keys=spec.keys,
        contents=spec.contents,
        retention=spec.retention,
        state_directory=folder.path.parent.parent,
        asked_by=spec.asker.name,
    )
    operation = declaration(spec.operation, declarations)
    return Run(folder, spec, operation, context, journal, clock.now())


def unprepared(name: RunName, error: Exception) -> RunResult:
    now = SystemClock().now()
    return RunResult(
        job=name.job,
        attempt=name.attempt,
        mode=RUN,
        status=ResultStatus.FAILED,
        reason=Reason.BUG,
        sentence=f"The run could not be prepared: {error}",
        state="Nothing was changed.",
        started_at=now,
        ended_at=now,
        boot_id=process_table.boot_id(),
    )


def perform(run: Run) -> RunResult:
    """The only place that catches everything: an unknown failure is a bug of ours, and told."""
    try:
        with interruptible(own_limit(run.spec.mode, run.declaration)):
            if run.folder.is_cancelled:
                raise Cancelled
            run.folder.reserve()
            return planned(run) if run.spec.mode == PLAN else done(run)
    except OpsError as failure:
        if failure.reason in {Reason.CANCELLED, Reason.TIME_LIMIT}:
            process_tree.end(run.folder.path, grace=TREE_GRACE)
        return failed(run, ended_by(run, failure))
    except Exception as unknown:  # noqa: BLE001 (see above)
        return failed(run, ended_by(run, explained(run, unknown)))


def ended_by(run: Run, failure: OpsError) -> OpsError:
    return what_ended_it(
        failure, is_cancelled=run.folder.is_cancelled, memory_ran_out=memory_ran_out()
    )


def planned(run: Run) -> RunResult:
    """Make the plan, and the card that people consent to."""
    plan = make_plan(run, *loaded(run))
    mark = fingerprint(run.spec, plan)
    card = plan_card(run.spec, effect_of(run), plan, mark)
    run.folder.write_text(run.folder.card_file, card)
    crashpoint("card_written")
    result = ended(run, ResultStatus.PLANNED, Reason.DONE, plan.summary, "Nothing was changed.")
    digest = hashlib.sha256(card.encode()).hexdigest()
    return replace(result, plan=plan, fingerprint=mark, card_sha256=digest)


def done(run: Run) -> RunResult:
    """Make the plan again, hold it against what was consented to, and carry it out."""
    handler, args = loaded(run)
    with host_lock_for(run):
        crashpoint("lock_taken")
        plan = make_plan(run, handler, args)
        # First what people can put right: what is away now changes the plan as well.
        judge(plan)
        mark = compare(run, plan)
        crashpoint("plan_compared")
        crashpoint("before_handler")
        outcome = handler.run(run.context, args, plan)
        crashpoint("after_handler")
    return replace(succeeded(run, outcome), plan=plan, fingerprint=mark)


def effect_of(run: Run) -> Effect:
    """What an operation declares; only one that lets a command run later has that command's."""
    given = run.spec.effect
    return Effect(given) if run.declaration.effect_of and given else run.declaration.effect


def loaded(run: Run) -> tuple[Handler[Any], object]:
    """The one handler of this run, and its arguments."""
    handler: Handler[Any] = importlib.import_module(run.declaration.module).HANDLER
    return handler, handler.args(**run.spec.arguments)


def make_plan(run: Run, handler: Handler[Any], args: object) -> Plan:
    with run.journal.step(MAKE_THE_PLAN if run.spec.mode == PLAN else CHECK_THE_PLAN):
        plan = handler.plan(run.context, args)
    crashpoint("plan_made")
    return plan


def compare(run: Run, plan: Plan) -> str:
    mark = fingerprint(run.spec, plan)
    if run.spec.fingerprint not in {None, mark}:
        raise Refused(
            "What would be done now is not what was consented to, so nothing was started.",
            reason=Reason.PLAN_CHANGED,
            hint="Ask for it again to see the new plan.",
        )
    return mark


def judge(plan: Plan) -> None:
    unmet = [check.sentence for check in plan.preconditions if not check.holds]
    if unmet:
        raise Refused(" ".join(unmet), reason=Reason.PREFLIGHT_FAILED)


def host_lock_for(run: Run) -> AbstractContextManager[None]:
    if not run.declaration.changes_host:
        return nullcontext()
    spec = run.spec
    holder = host_lock.Holder(spec.job, spec.attempt, spec.operation, run.started_at, os.getpid())
    state_directory = run.folder.path.parent.parent
    return host_lock.hold(state_directory / host_lock.LOCK_FILE, holder)


def succeeded(run: Run, outcome: Outcome) -> RunResult:
    result = ended(run, ResultStatus.SUCCEEDED, Reason.DONE, outcome.sentence, outcome.state)
    return replace(result, facts={**result.facts, **outcome.facts}, next=outcome.next)


def failed(run: Run, failure: OpsError) -> RunResult:
    statuses = {
        Reason.CANCELLED: ResultStatus.CANCELLED,
        Reason.PLAN_CHANGED: ResultStatus.STALE,
    }
    status = statuses.get(failure.reason, ResultStatus.FAILED)
    result = ended(run, status, failure.reason, failure.message, failure.state or state_left(run))
    said = failure.tail if isinstance(failure, HostFailure) else ""
    # The traceback of a bug stays in the log.
    tail = "" if failure.reason is Reason.BUG else said or run.journal.log.tail()
    _tell_in_log(run, failure.message, said)
    return replace(result, hint=failure.hint, tail=tail)


def _tell_in_log(run: Run, sentence: str, said: str) -> None:
    """Whoever reads the log finds there why it ends, also where a tool's words were only kept."""
    log = run.journal.log
    if said and said not in log.tail():
        log.note(said)
    log.note(f"!! {sentence}")


def explained(run: Run, unknown: Exception) -> OpsError:
    if isinstance(unknown, OSError) and unknown.errno in {errno.ENOSPC, errno.EDQUOT}:
        where = f" at `{unknown.filename}`" if unknown.filename else ""
        return HostFailure(f"The disk is full{where}.", reason=Reason.DISK_FULL)
    run.journal.log.note("".join(traceback.format_exception(unknown)))
    return OpsError(
        f"zulip-ops itself is at fault ({type(unknown).__name__}).",
        reason=Reason.BUG,
        hint=f"`log {run.spec.job}` has the details; please report them.",
    )


def state_left(run: Run) -> str:
    """What a run that did not succeed leaves, as far as its steps tell."""
    done_before = [title for title in run.journal.steps_done if title != CHECK_THE_PLAN]
    present = run.journal.present_step
    began = bool(done_before) or present not in {None, CHECK_THE_PLAN}
    if not run.declaration.changes_host or run.spec.mode == PLAN or not began:
        return "Nothing was changed."
    during = f"It ended during “{present}”" if present else "It ended between two steps"
    after = f", after {', '.join(f'“{title}”' for title in done_before)}" if done_before else ""
    unchanged = " Nothing on the server was changed." if run.declaration.leaves_nothing else ""
    return f"{during}{after}.{unchanged}"


def ended(run: Run, status: ResultStatus, reason: Reason, sentence: str, state: str) -> RunResult:
    return RunResult(
        job=run.spec.job,
        attempt=run.spec.attempt,
        mode=run.spec.mode,
        status=status,
        reason=reason,
        sentence=sentence,
        state=state,
        started_at=run.started_at,
        ended_at=run.context.clock.now(),
        boot_id=process_table.boot_id(),
        facts=dict(run.journal.facts),
    )


def record(run: Run, result: RunResult) -> None:
    """The journal's end first: whoever sees the result finds the whole journal."""
    run.journal.finished(result.status)
    run.journal.close()
    if run.journal.damage is not None:
        # What was done is done; but who looks for its steps has to know that some are missing.
        result = replace(result, state=f"{result.state} {run.journal.damage}")
    run.folder.write_result(RunResult.from_json(run.journal.redacted(result.to_json())))
    crashpoint("run_ended")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
