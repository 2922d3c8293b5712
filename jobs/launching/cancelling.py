"""Ends a run with all its processes: asked first, made to after a grace."""

import threading
import time
from contextlib import suppress
from datetime import timedelta

from jobs.launching.looking import runner_of
from jobs.runs import process_tree
from jobs.runs.run_folder import RunFolder, RunnerProcess

#: Between asking a run to end and ending all its processes.
CANCEL_GRACE = timedelta(seconds=5)
_PAUSE_SECONDS = 0.05


def note(folder: RunFolder) -> None:
    """So that the run can tell a wish of ours from one of somebody else."""
    # A full disk costs the note, not the end.
    with suppress(OSError):
        folder.ask_to_cancel()


def end(folder: RunFolder) -> None:
    """Never waits; the result tells."""
    runner = runner_of(folder)
    # One that is just starting has not written down who it is yet.
    asked = [runner.entry()] if runner else process_tree.members(folder.path)
    process_tree.ask(entry for entry in asked if entry is not None)
    name = f"cancel {folder.path.name}"
    threading.Thread(target=_end_after_grace, args=(folder, runner), daemon=True, name=name).start()


def _end_after_grace(folder: RunFolder, runner: RunnerProcess | None) -> None:
    deadline = time.monotonic() + CANCEL_GRACE.total_seconds()
    while time.monotonic() < deadline:
        # A runner that is gone ends in no order any more; whatever it left is ended at once.
        is_gone = runner is not None and not runner.is_running
        if folder.has_ended:
            return
        if is_gone:
            break
        time.sleep(_PAUSE_SECONDS)
    process_tree.end(folder.path, None if runner is None else runner.session)
