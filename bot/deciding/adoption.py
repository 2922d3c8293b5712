"""Takes in runs that root started on the host while the bot was away."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.deciding.following import Following
from bot.replies.job_news import Adopted
from handlers.registry import declaration
from jobs.engine import Consent, Engine
from jobs.journal import RUN, RunResult, RunSpec
from jobs.lifecycle import Status
from jobs.runs.crashpoints import crashpoint
from jobs.runs.fields import Unreadable
from jobs.runs.run_folder import RunFolder
from state import job_store, run_store
from state.database import Transaction
from state.job_store import NewJob

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A run folder that no row knows, with its end."""

    folder: RunFolder
    spec: RunSpec
    result: RunResult


def find_foreign(runs_directory: Path, seen: set[str]) -> list[Foreign]:
    """Ended runs of root's in folders not `seen` before; what is looked at is added to it."""
    if not runs_directory.is_dir():
        return []
    found = []
    for path in sorted(runs_directory.iterdir()):
        if path.name in seen or not (path / "result.json").exists():
            continue
        seen.add(path.name)
        try:
            spec = RunFolder(path).read_spec()
            result = RunFolder(path).read_result()
            declaration(spec.operation)
        except (Unreadable, KeyError, OSError) as error:
            _logger.warning("%s is not understood: %s", path, error)
            continue
        if spec.asker.kind == "root" and spec.mode == RUN and result is not None:
            found.append(Foreign(RunFolder(path), spec, result))
    return found


def adopt(
    tx: Transaction, foreign: Foreign, engine: Engine, following: Following, now: datetime
) -> None:
    """Make it a job of root's, ended as its result says, and tell so; a known run is left."""
    spec, result = foreign.spec, foreign.result
    same = job_store.get(tx, spec.job)
    # A run of ours may have ended before its folder was written down.
    if run_store.is_known(tx, foreign.folder.path.name) or (same and same.nonce == spec.nonce):
        return
    operation = declaration(spec.operation)
    job = job_store.create(
        tx,
        NewJob(
            epoch=engine.epoch,
            operation=operation.name,
            arguments=dict(spec.arguments),
            command=operation.name,
            effect=operation.effect.value,
            status=Status.RUNNING.value,
            origin="host",
            asker_name=spec.asker.name,
            consent=Consent.ROOT.value,
            nonce=secrets.token_hex(16),
            created_at=spec.created_at,
        ),
        actor="host:root",
    )
    job_store.change(tx, job.id, started_at=result.started_at, fingerprint=spec.fingerprint)
    run = run_store.intend_run(tx, job.id, RUN, spec.created_at)
    folder = foreign.folder.path.name
    run_store.run_started(tx, job.id, run.attempt, folder=folder, at=result.started_at)
    run_store.end_run(tx, job.id, run.attempt, result=result.to_json(), at=now)
    started = job_store.get(tx, job.id)
    assert started is not None
    ended = engine.take_result(tx, started, result, result.ended_at)
    following.outgoing.post(tx, ended, Adopted(ended.id, ended.command), now)
    following.finish(tx, ended, now)
    crashpoint("adoption_taken")
    _logger.info("Run %s of root's is job %d.", folder, ended.id)
