"""Takes in what runs report, and tells the job's topic."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.deciding.effects import Effect, EndRun, LookAtHost, StartRun
from bot.deciding.outgoing import Outgoing, schedule_topic
from bot.deciding.scheduling import keep
from bot.progress import Steps, last_status_message, status_message
from bot.replies.copies import SHOWN
from bot.replies.holding import JobHeld
from bot.replies.job_news import JobEnded, JobWaits, PlanCard
from bot.vigilance import drill_watch
from bot.zulip_api.words import CHECK, CROSS, STOP
from handlers.errors import Reason
from jobs.consent_rules import Kind
from jobs.engine import Consent, Engine, LookAgain, Start
from jobs.journal import PLAN
from jobs.lifecycle import FINAL, Status
from jobs.recovery import may_have_begun
from jobs.runs.crashpoints import crashpoint
from jobs.waiting import Wait
from jobs.watcher import RunEnded, RunLost, RunProgressed
from state import approval_store, job_store, run_store, schedule_store
from state.database import Transaction
from state.job_store import Job

UNTOUCHED = "Nothing was changed."
#: Of so many jobs the steps are kept, the oldest go first.
REMEMBERED = 20
_MARKS = {
    Status.SUCCEEDED: CHECK,
    Status.FAILED: CROSS,
    Status.INTERRUPTED: CROSS,
    Status.STALE: CROSS,
    Status.EXPIRED: STOP,
    Status.REJECTED: STOP,
    Status.CANCELLED: STOP,
}


@dataclass(slots=True)
class Following:
    """Remembers the steps of runs under way; after a restart the journal tells them again."""

    engine: Engine
    outgoing: Outgoing
    steps: dict[int, Steps] = field(default_factory=dict)

    def progressed(self, tx: Transaction, event: RunProgressed, now: datetime) -> None:
        """More lines of a journal."""
        job = job_store.get(tx, event.run.job)
        run = run_store.get_run(tx, event.run.job, event.run.attempt)
        if job is None or run is None or run.mode == PLAN or job.status != Status.RUNNING:
            return
        steps = self.steps.setdefault(job.id, Steps())
        for record in event.records:
            steps.take(record)
        if _is_told(job):
            self.outgoing.progress(tx, job, status_message(job, steps), steps.may_edit_at(now))
        crashpoint("progress_taken")

    def ended(
        self, tx: Transaction, event: RunEnded, card: str | None, now: datetime
    ) -> tuple[Effect, ...]:
        """A result file; taken in once. `card` is the text of the plan card, for a plan run."""
        crashpoint("result_seen")
        result = event.result
        name = event.run
        run = run_store.get_run(tx, name.job, name.attempt)
        taken = run_store.end_run(tx, name.job, name.attempt, result=result.to_json(), at=now)
        job = job_store.get(tx, name.job)
        if not taken or job is None or run is None or job.status in FINAL:
            return ()
        effects: tuple[Effect, ...] = (LookAtHost(),)
        if run.mode == PLAN:
            effects = ()
            self._planned(tx, self.engine.take_plan(tx, job, result, now), card, now)
        else:
            job = self.engine.take_result(tx, job, result, now)
            effects = (*keep(tx, job, self.engine.policy, self.outgoing, now), LookAtHost())
            self.finish(tx, job, now)
        crashpoint("result_taken")
        return effects

    def _planned(self, tx: Transaction, job: Job, card: str | None, now: datetime) -> None:
        if job.status in FINAL:
            self.finish(tx, job, now)
        elif job.status == Status.AWAITING_APPROVAL:
            self.outgoing.post(tx, job, PlanCard(card or ""), now, role="card")
        elif _is_told(job) or self.engine.waits(tx, job, now) is not None:
            self.tell_waiting(tx, job, now)

    def lost(self, tx: Transaction, event: RunLost, now: datetime) -> tuple[Effect, ...]:
        """A run that ended without a result; what it left running is ended when that is safe."""
        name = event.run
        run = run_store.get_run(tx, name.job, name.attempt)
        taken = run_store.end_run(tx, name.job, name.attempt, result=None, at=now)
        job = job_store.get(tx, name.job)
        if not taken or run is None or job is None or job.status in FINAL:
            return ()
        begun = may_have_begun(event.status, was_started=run.started_at is not None)
        job = self.engine.lose(tx, job, event.sentence, now, begun=begun)
        self.finish(tx, job, now)
        crashpoint("loss_taken")
        return (EndRun(name.job, name.attempt),) if job.status in FINAL else ()

    def left_behind(self, tx: Transaction, booted_at: datetime) -> tuple[EndRun, ...]:
        """What lost runs of failed jobs may have left running since the machine was started: who
        was to end it may have died before it did. Of a run that left nothing, nothing is ended."""
        lost = run_store.lost_since(tx, booted_at)
        jobs = ((run, job_store.get(tx, run.job_id)) for run in lost)
        return tuple(
            EndRun(run.job_id, run.attempt)
            for run, job in jobs
            if job is not None and job.status in FINAL and job.status != Status.SUCCEEDED
        )

    def start_next(
        self, tx: Transaction, now: datetime, *, reread: int | None = None
    ) -> StartRun | LookAgain | None:
        """The next job that may start, told in its topic; one decision a call."""
        claimed = self.engine.claim(tx, now, reread=reread)
        if not isinstance(claimed, Start):
            return claimed
        job = claimed.job
        self.steps[job.id] = Steps()
        while len(self.steps) > REMEMBERED:
            del self.steps[next(iter(self.steps))]
        if _is_told(job):
            status = status_message(job, self.steps[job.id])
            self.steps[job.id].may_edit_at(now)
            self.outgoing.post(tx, job, status, now, role="status")
        return StartRun(claimed)

    def tell_waiting(self, tx: Transaction, job: Job, now: datetime) -> None:
        """Who waits is told for whom, or until when."""
        wait = self.engine.waits(tx, job, now) if job.status == Status.QUEUED else None
        if wait is not None:
            self._tell_held(tx, job, wait, now)
            return
        blocking = self.engine.blocked_by(tx, job)
        if blocking is not None and job.status == Status.QUEUED:
            self.outgoing.post(tx, job, JobWaits(job.id, blocking.id, blocking.command), now)

    def _tell_held(self, tx: Transaction, job: Job, wait: Wait, now: datetime) -> None:
        held = JobHeld(
            job=job.id,
            command=job.command,
            until=wait.until.isoformat() if wait.until else None,
            why=wait.hold.why if wait.hold else None,
            hold=wait.hold.id if wait.hold else None,
            windows=list(wait.windows),
            expires_at=job.expires_at.isoformat() if job.expires_at else None,
        )
        if _is_told(job):
            self.outgoing.post(tx, job, held, now)
        else:
            self.outgoing.say(tx, schedule_topic(job.asker_name), held, now)

    def tell_held(self, tx: Transaction, now: datetime) -> None:
        """A hold has begun: whoever waits for their turn now waits for it."""
        for job in job_store.in_status(tx, Status.QUEUED):
            if self.engine.waits(tx, job, now) is not None:
                self.tell_waiting(tx, job, now)

    def finish(self, tx: Transaction, job: Job, now: datetime) -> None:
        """Each job's end is told once, in the transaction that takes it in."""
        # Left there: when this transaction is taken back, they are needed once more.
        steps = self.steps.get(job.id, Steps())
        quiet = job.origin == "schedule" and job.status == Status.SUCCEEDED
        ended = _end_message(job, self.outgoing.bot_name, _approvers(tx, job))
        if job.origin == "schedule":
            ended = _of_schedule(tx, job, ended)
        if quiet:
            # The success of a timer needs nobody: one line in the schedule's own topic.
            self.outgoing.say(tx, schedule_topic(job.asker_name), ended, now)
            return
        if job.started_at is not None and _is_told(job):
            self.outgoing.progress(tx, job, last_status_message(job, steps), now)
        self.outgoing.post(tx, job, ended, now, role="end")
        if job.status == Status.SUCCEEDED:
            self.outgoing.resolve(tx, job, now)
        # In a later epoch that number is somebody else's message.
        command = job.command_message_id if job.epoch == self.engine.epoch else None
        if command is not None and job.status in _MARKS:
            self.outgoing.mark_outcome(tx, command, _MARKS[Status(job.status)], now)
        drill_watch.take(tx, self.outgoing, job, now)


def _of_schedule(tx: Transaction, job: Job, ended: JobEnded) -> JobEnded:
    """The first failure is loud, and notifies whoever added it; so is, once, that it is over."""
    before = job_store.before_of_schedule(tx, job.asker_name, job.id)
    bad_before = before is not None and before.status != Status.SUCCEEDED
    if job.status == Status.SUCCEEDED:
        return replace(ended, recovered=bad_before)
    schedule = schedule_store.get(tx, job.asker_name)
    if bad_before or schedule is None or schedule.asker_id is None:
        return ended
    return replace(ended, notify=[schedule.asker_id])


def _is_told(job: Job) -> bool:
    """Whether the progress of a job is shown; a timer's is not."""
    return job.consent != Consent.SCHEDULE


def _what_to_type(job: Job) -> str | None:
    """After an end that leaves something to do."""
    if job.reason == Reason.PREFLIGHT_FAILED:
        return "status"
    if job.reason == Reason.BAD_ARGUMENT:
        # Its hint has an example.
        return None
    if job.status in {Status.FAILED, Status.INTERRUPTED}:
        return f"log {job.id}"
    return job.command if job.status in {Status.STALE, Status.EXPIRED} else None


def _approvers(tx: Transaction, job: Job) -> list[int]:
    """The other people whose consent started it."""
    request = approval_store.get(tx, job.id)
    used = request is not None and request.status == "consumed"
    if request is None or not used or request.kind != Kind.APPROVAL:
        return []
    votes = request.votes if isinstance(request.votes, list) else []
    return [one for one in votes if isinstance(one, int)]


def _end_message(job: Job, bot_name: str, approved_by: list[int]) -> JobEnded:
    outcome = job.outcome or {}
    facts = outcome.get("facts")
    started = job.started_at
    # A job that never ran was told of nothing by a runner.
    untouched = UNTOUCHED if job.status == Status.FAILED and started is None else None

    def said(key: str) -> str | None:
        value = outcome.get(key)
        return value if isinstance(value, str) else None

    return JobEnded(
        bot_name=bot_name,
        job=job.id,
        command=job.command,
        status=job.status,
        asker_name=job.asker_name,
        asker_id=job.asker_id,
        sentence=job.sentence or "",
        state=said("state") or untouched,
        hint=said("hint"),
        next=said("next") or _what_to_type(job),
        seconds=(job.ended_at - started).total_seconds() if started and job.ended_at else None,
        tail=said("tail") or "",
        caught_up=job.caught_up,
        approved_by=approved_by,
        operation=job.operation,
        facts=facts if job.operation in SHOWN and isinstance(facts, dict) else {},
    )
