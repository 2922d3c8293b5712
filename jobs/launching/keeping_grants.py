"""Keeps the grants of schedules, where runs are started, as the database has the consent."""

import json
import logging
from dataclasses import dataclass, field

from handlers.errors import OpsError
from jobs.engine import Consent
from jobs.launcher import Launcher
from jobs.launching.grant import Grant
from jobs.runs.fields import Fields, Unreadable
from state import installation, job_store, schedule_store
from state.database import Database, DatabaseUnusable, Transaction
from state.job_store import Job
from state.schedule_store import Schedule

_logger = logging.getLogger(__name__)

#: The setting with the names of all schedules for which there may be a grant.
GRANTED = "granted_schedules"


@dataclass(slots=True)
class Grants:
    """The database says what is granted, so a call too many, a crash and a restart do no harm."""

    database: Database
    launcher: Launcher
    #: By schedule, the mark of what is known to be kept; a new process asks for all once more.
    _kept: dict[str, str] = field(default_factory=dict)
    _trouble: str | None = None

    def bring_about(self) -> None:
        """Revoke first, then grant; what goes wrong is in the log once, and made up next time."""
        try:
            self._bring_about()
        except (OpsError, DatabaseUnusable) as error:
            if error.message != self._trouble:
                _logger.error("Grants of schedules cannot be kept up: %s", error.message)
            self._trouble = error.message
        else:
            self._trouble = None

    def _bring_about(self) -> None:
        with self.database.read() as tx:
            wanted, present = wanted_grants(tx), granted(tx)
        for name in sorted(present - wanted.keys()):
            self.launcher.revoke(name)
            self._kept.pop(name, None)
            present = self._note(present - {name})
            _logger.info("The grant of the schedule %s is revoked.", name)
        for name, grant in wanted.items():
            if self._kept.get(name) != grant.mark:
                # Noted before: a grant that nobody remembers would never be revoked.
                present = present if name in present else self._note(present | {name})
                self._kept[name] = self.launcher.grant(grant)
                _logger.info("The schedule %s is granted.", name)

    def _note(self, names: frozenset[str]) -> frozenset[str]:
        with self.database.write() as tx:
            installation.put(tx, GRANTED, json.dumps(sorted(names)))
        return names


def granted(tx: Transaction) -> frozenset[str]:
    """The schedules for which there may be a grant."""
    return frozenset(json.loads(installation.get(tx, GRANTED) or "[]"))


def wanted_grants(tx: Transaction) -> dict[str, Grant]:
    """By schedule; paused ones keep theirs, and what root wrote in the file or on the host needs
    none."""
    found = {}
    for schedule in schedule_store.all_schedules(tx):
        grant = _grant_of(tx, schedule)
        if grant is not None:
            found[schedule.name] = grant
    return found


def _grant_of(tx: Transaction, schedule: Schedule) -> Grant | None:
    if schedule.source == "file" or schedule.asker_id is None or schedule.suspended is not None:
        return None
    job = None if schedule.job_id is None else job_store.get(tx, schedule.job_id)
    message_id = None if job is None else consent_message(job)
    if message_id is None:
        return None
    grant = Grant(
        schedule=schedule.name,
        command=schedule.command,
        cron=" ".join(schedule.cron.split()),
        tz=schedule.tz,
        policy_sha256=schedule.policy_sha256 or "",
        epoch=schedule.epoch or 0,
        message_id=message_id,
    )
    return grant if _is_well_formed(grant) else None


def consent_message(job: Job) -> int | None:
    """The plan; of a command with `--yes` the command itself."""
    return job.command_message_id if job.consent == Consent.YES else job.card_message_id


def _is_well_formed(grant: Grant) -> bool:
    """As strictly as it is read on the other side, where one bad grant would spoil the others."""
    try:
        Grant.from_json(Fields(grant.to_json(), "a grant"))
    except Unreadable as error:
        _logger.error("The schedule %s cannot be granted: %s", grant.schedule, error.message)
        return False
    return True
