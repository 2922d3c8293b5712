"""One copy brought to life, looked at from all sides, and removed again: the drill itself."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from handlers.backups.drills import dumps
from handlers.backups.drills.checking import database, files, samples
from handlers.backups.drills.findings import Findings, Phase
from handlers.backups.drills.place.cluster import Cluster, cluster
from handlers.backups.drills.place.priority import behind_others
from handlers.backups.drills.place.scratch import Scratch, scratch
from handlers.backups.drills.preflight import Ready
from handlers.backups.drills.roles import roles_of
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import DATABASE
from handlers.contract import Context
from handlers.wording import size

STEPS = (
    "Make a throw-away PostgreSQL that nobody else can reach",
    "Restore the database into it",
    "Check the database",
    "Check uploads and configuration",
)
#: Of every drill of this engine, so that nobody takes it for more than it is.
NEVER_CHECKED = (
    "Zulip itself was not started on it: it would send e-mail and notifications.",
    "The text search dictionaries were those of this host.",
    "What no copy holds (`backup show` names it) was not there to be restored.",
)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is brought to life, with what, and how thoroughly it is looked at."""

    context: Context
    copy: Copy
    ready: Ready
    complete: bool
    findings: Findings = field(default_factory=Findings)

    def tick(self, done: int = 0) -> None:
        """Say how far the reading of the copy is."""
        total = self.copy.snapshot.streams[DATABASE].plain_bytes
        if done:
            self.context.journal.progress(
                f"The database: {size(done)} of {size(total)}.", done=done, total=total
            )


def rehearse(rehearsal: Rehearsal) -> None:
    """HostFailure at the first thing that is not as it should be; nothing is left in any case."""
    context, findings = rehearsal.context, rehearsal.findings
    with behind_others(), scratch(context.host.drills) as place, ExitStack() as ending:
        findings.warnings += place.found
        with context.journal.step(STEPS[0]), findings.phase(Phase.PREPARE):
            rehearsal.copy.look_at_objects()
            made = ending.enter_context(
                cluster(place, rehearsal.ready.programs, context.host.database)
            )
        with context.journal.step(STEPS[1]):
            findings.warnings += ENGINES[rehearsal.copy.snapshot.streams[DATABASE].format](
                rehearsal, made, place
            )
        with context.journal.step(STEPS[2]), findings.phase(Phase.CHECK_DATABASE):
            snapshot = rehearsal.copy.snapshot
            database.check(made, snapshot, findings, complete=rehearsal.complete)
        with context.journal.step(STEPS[3]), findings.phase(Phase.CHECK_FILES):
            _check_files(rehearsal, made, place)
    findings.not_checked += NEVER_CHECKED


def _restore_dump(rehearsal: Rehearsal, made: Cluster, place: Scratch) -> tuple[str, ...]:
    """From a file in parallel where there is room for it, and else as it comes from the store."""
    copy, findings = rehearsal.copy, rehearsal.findings
    roles = roles_of(copy)
    if rehearsal.ready.as_file:
        with findings.phase(Phase.FETCH):
            dumps.fetch(copy, place.dump, rehearsal.tick)
            place.give_to_read(place.dump)
        with findings.phase(Phase.RESTORE):
            warnings = dumps.restore_file(made, place.dump, roles)
        place.dump.unlink()
        return warnings
    with findings.phase(Phase.RESTORE):
        return dumps.restore_stream(made, copy, roles, rehearsal.tick)


def _check_files(rehearsal: Rehearsal, made: Cluster, place: Scratch) -> None:
    copy, findings = rehearsal.copy, rehearsal.findings
    avatar_salt = files.check_configuration(copy, findings)
    files.check_index(copy, made, place.index, avatar_salt, findings)
    if rehearsal.complete:
        files.check_all_uploads(copy, place.index, findings)
    else:
        samples.check_some_uploads(copy, place.index, findings)


#: By the format of the database's stream: each fills the database of the cluster, adds the times
#: of its phases, and returns what has to be warned of.
ENGINES: Mapping[str, Callable[[Rehearsal, Cluster, Scratch], tuple[str, ...]]] = {
    dumps.FORMAT: _restore_dump,
}
