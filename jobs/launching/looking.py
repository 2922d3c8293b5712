"""What the folder of a run and the table of processes tell of it, whoever started it."""

import re

from handlers.host import process_table
from handlers.host.process_table import Entry
from jobs.launcher import RunStatus
from jobs.runs import process_tree, run_unit
from jobs.runs.fields import Unreadable
from jobs.runs.run_folder import RunFolder, RunnerProcess

#: The name of a process comes from the host, and goes into a sentence.
_STRANGE = re.compile(r"[^A-Za-z0-9._+:-]")


def look(folder: RunFolder) -> RunStatus:
    """Whether it has begun is looked at first, and the result last: a run that begins or ends
    meanwhile is one that has not begun yet, or has ended, and none that is lost."""
    begun = folder.has_begun
    runner = runner_of(folder)
    alive = runner is not None and runner.is_running
    left_over = () if alive else process_tree.members(folder.path)
    is_starting = runner is None and bool(left_over)
    return RunStatus(
        known=folder.path.is_dir(),
        begun=begun,
        alive=alive or is_starting,
        same_boot=runner is not None and runner.boot_id == process_table.boot_id(),
        left_over=() if is_starting else tuple(_called(entry) for entry in left_over),
        unit_end=run_unit.read(folder),
        ended=folder.has_ended,
    )


def runner_of(folder: RunFolder) -> RunnerProcess | None:
    """Who performs or performed the run; None as well where that cannot be read."""
    try:
        return folder.runner()
    except Unreadable:
        # Written whole or not at all; damaged, it names nobody.
        return None


def _called(entry: Entry) -> str:
    return f"{_STRANGE.sub('?', entry.name)} ({entry.pid})"
