"""The named places of the life cycle at which a test kills the process."""

import os
import signal

CRASH_AT = "ZULIP_OPS_CRASH_AT"

#: In the order in which a command passes them; each stands at one place in the code.
POINTS = (
    "folder_made",
    "spec_written",
    "runner_started",
    "run_begun",
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


def crashpoint(name: str) -> None:
    """Does nothing, except in a test that asks for the process to die here."""
    if os.environ.get(CRASH_AT) == name:
        os.kill(os.getpid(), signal.SIGKILL)


def environment() -> dict[str, str]:
    """What a process that we start needs, so that it dies at the same place."""
    return {CRASH_AT: os.environ[CRASH_AT]} if CRASH_AT in os.environ else {}
