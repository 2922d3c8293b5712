"""Opens what a power failure left with the real code, and says what is lost and what is broken."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.power.disk import Disk
from bench.power.promises import Promises
from handlers.backups import repository
from handlers.backups.standing import Note, newest_notes
from handlers.errors import HostFailure
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from jobs.journal import RUN, ResultStatus, RunResult
from jobs.runs.fields import Unreadable
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import Record
from jobs.runs.run_folder import RunFolder
from state import audit_log, inbox, outbox
from state.database import Database, DatabaseUnusable, open_database

DATABASE = Path("state/zulip-ops.db")
RUNS = Path("state/runs")
BACKUPS = Path("backups")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences; both are empty when all is well."""

    lost: tuple[str, ...]
    corrupt: tuple[str, ...]


def judge(image: Path, disk: Disk, promises: Promises) -> Verdict:
    """Hold an image against what was promised, and against what was synced."""
    lost: list[str] = []
    corrupt: list[str] = []
    try:
        _judge_database(image, promises, lost, corrupt)
    except DatabaseUnusable as error:
        corrupt.append(error.message)
    results = _judge_runs(image, disk, promises, lost, corrupt)
    _judge_store(image, results, lost, corrupt)
    return Verdict(tuple(lost), tuple(corrupt))


def _judge_database(image: Path, promises: Promises, lost: list[str], corrupt: list[str]) -> None:
    path = image / DATABASE
    if not path.exists():
        if promises.acknowledged or promises.posted:
            lost.append("There is no database.")
        return
    with closing(open_database(path)) as database:
        problem = database.integrity_problem()
        if problem is not None:
            corrupt.append(problem)
            return
        lost += _lost_commits(database, promises)
        with database.read() as tx:
            bad = audit_log.verify(tx)
        if bad is not None:
            corrupt.append(bad.sentence)


def _lost_commits(database: Database, promises: Promises) -> Iterator[str]:
    with database.read() as tx:
        for message_id in sorted(promises.acknowledged):
            if inbox.by_message(tx, 1, message_id) is None:
                yield f"The command {message_id}, which has its 👀, is unknown."
        marked = outbox.count_attempted(tx)
    if marked < promises.posted:
        yield f"{promises.posted} messages were posted, and {marked} are marked as such."


def _judge_runs(
    image: Path, disk: Disk, promises: Promises, lost: list[str], corrupt: list[str]
) -> list[RunResult]:
    """The results that were told of."""
    results: dict[str, RunResult] = {}
    for path in sorted((image / RUNS).glob("*-*")):
        try:
            result = _read(RunFolder(path))
        except (Unreadable, FileNotFoundError) as error:
            corrupt.append(f"{path.name}: {error}")
            continue
        results |= {} if result is None else {path.name: result}
    lost += [
        f"Run {name} has changed something, and is not known to have begun."
        for name in sorted(promises.begun)
        if not RunFolder(image / RUNS / name).has_begun
    ]
    lost += [f"The result of run {name} is gone." for name in promises.ended - results.keys()]
    lost += _lost_lines(image, disk)
    return [results[name] for name in sorted(promises.ended & results.keys())]


def _read(folder: RunFolder) -> RunResult | None:
    """Everything that has to be whole; raises Unreadable or FileNotFoundError."""
    if folder.has_begun:
        folder.read_spec()
        folder.runner()
    return folder.read_result()


def _lost_lines(image: Path, disk: Disk) -> Iterator[str]:
    """Records of a journal that were synced, and are not read any more."""
    for path, file in disk.files():
        if path.name != "journal.jsonl":
            continue
        found = {record.number: record for record in JournalReader(image / path).read()}
        for line in bytes(file.durable).splitlines():
            synced = Record.from_line(line)
            if found.get(synced.number) != synced:
                yield f"{path}: record {synced.number} is gone."


def _judge_store(
    image: Path, results: list[RunResult], lost: list[str], corrupt: list[str]
) -> None:
    """A copy that was told of is there, and one that is there is whole."""
    told = sum(one.mode == RUN and one.status is ResultStatus.SUCCEEDED for one in results)
    store = open_store(StoreSettings(name="local", path=image / BACKUPS))
    verified = newest_notes(store, Note.VERIFIED)
    snapshots = repository.snapshot_ids(store)
    if len(verified.keys() & set(snapshots)) < told:
        lost.append(f"{told} backups were told of, and {len(verified)} are verified.")
    for each in snapshots:
        try:
            streams = repository.read_snapshot(store, each).streams.values()
            for one in (one for stream in streams for one in stream.objects):
                if hashlib.sha256(store.get(one.key)).hexdigest() != one.sha256:
                    corrupt.append(f"{one.key} is not what the commit record says.")
        except HostFailure as failure:
            corrupt.append(f"Snapshot {each}: {failure.message}")
