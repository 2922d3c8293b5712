"""The named places of the life cycle at which a test kills the process."""

import os
import signal
from collections import Counter

#: `name`, or `name:2` for the second time that the process passes it; several with commas, and
#: the process dies at the one that it comes to first. Of points in a run the second is that of
#: the second run that the process starts.
CRASH_AT = "ZULIP_OPS_CRASH_AT"
#: The last word of whoever dies, for the test that asked for it.
DIED_AT = "zulip-ops died at "

#: In the order in which a run passes them; each point stands at one place in the code.
RUN_POINTS = (
    "folder_made",
    "spec_written",
    "runner_started",
    "run_begun",
    "step_begun",  # passed at each step: the first is that of the plan
    "plan_made",
    "card_written",
    "lock_taken",
    "plan_compared",
    "before_handler",
    "after_handler",
    "before_result",
    "result_written",
    "result_renamed",
    "run_ended",
)

#: In the order in which the life of one command passes them in the bot. Those "inside" stand in a
#: transaction that is not committed yet.
BOT_POINTS = (
    "recovery_decided",  # committed: what was left open is begun anew
    "run_found",  # a run of the bot before is about to be followed, begun or given up
    "reconnected",  # committed: what waits for consent is asked about anew
    "event_received",
    "page_received",  # the same after a gap, read by id
    "command_recorded",  # inside: inbox row and 👀
    "events_committed",  # with the cursor; the listener does not know yet
    "question_asked",  # committed: the reader is about to be asked
    "reaction_requested",
    "reaction_sent",
    "row_closed",  # committed; the dispatcher does not know yet
    "sender_known",
    "job_made",  # inside: job, plan run intended, answer
    "launch_begun",  # committed: intended, nothing started
    "launch_done",  # started, and not recorded
    "launch_recorded",
    "message_intended",  # committed: it is about to be sent
    "message_sent",
    "result_seen",
    "result_taken",  # inside: the end of the run, and what is said of it
    "result_committed",
    "question_recorded",  # inside: consent is to be looked at
    "answer_recorded",  # inside: the look is used up
    "consent_armed",  # inside
    "arming_over",  # inside
    "consent_latched",  # inside
    "consent_committed",
    "consent_consumed",  # inside: by the start of the run, which is not intended yet
    "run_claimed",  # inside: the run intended
    "progress_taken",  # inside
    "edit_sent",
    "topic_moved",
    "due_recorded",  # inside: a schedule's moment and its command
    "expired",  # inside: nobody consented in time
    "cancel_decided",  # inside: the end of the job, or that its run is to be ended
    "cancel_begun",  # committed: its run is about to be ended
    "cancel_done",  # told to end, and not ended yet
    "loss_taken",  # inside: a run is lost, and what is said of it
    "resolution_taken",  # inside: somebody's word on an interrupted job
    "adoption_taken",  # inside: a run of root's becomes a job
)

POINTS = (*BOT_POINTS, *RUN_POINTS)

_passed: Counter[str] = Counter()
_RUNS = "runs"
_STANDARD_ERROR = 2


def crashpoint(name: str) -> None:
    """Does nothing, except in a test that asks for the process to die here."""
    if CRASH_AT not in os.environ:
        return
    _passed[name] += 1
    if (name, _passed[name]) in _wanted():
        os.write(_STANDARD_ERROR, f"{DIED_AT}{name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def environment() -> dict[str, str]:
    """What a run that we start needs, so that it dies at the same place if its turn has come."""
    if CRASH_AT not in os.environ:
        return {}
    # Fewer passings are left for each further run.
    before = _passed[_RUNS]
    _passed[_RUNS] += 1
    return {CRASH_AT: ",".join(f"{name}:{max(1, time - before)}" for name, time in _wanted())}


def _wanted() -> list[tuple[str, int]]:
    """Where to die, and the how manyeth passing it is."""
    parts = (one.partition(":") for one in os.environ[CRASH_AT].split(",") if one)
    return [(name, int(time or 1)) for name, _, time in parts]
