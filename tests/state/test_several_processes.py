"""Several processes at one file, and processes that are killed while they write."""

import random
from contextlib import closing
from pathlib import Path

from state import audit_log, installation, job_store
from state.database import open_database
from tests.state.processes import start_writer


def test_processes_that_start_together_make_one_database(tmp_path: Path) -> None:
    path = tmp_path / "zulip-ops.sqlite"
    writers = [start_writer(path, "count", "5") for _ in range(3)]
    assert [writer.communicate(timeout=60)[0] for writer in writers] == ["open\n"] * 3
    with closing(open_database(path)) as db, db.read() as tx:
        assert installation.get(tx, "counter") == "15"


def test_no_update_is_lost_between_processes(path: Path) -> None:
    writers = [start_writer(path, "count", "60") for _ in range(3)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    with closing(open_database(path)) as db, db.read() as tx:
        assert installation.get(tx, "counter") == "180"
        head = audit_log.head(tx)
        assert head is not None
        assert head.seq == 180
        assert audit_log.verify(tx) is None


def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    chance = random.Random(7)
    for _ in range(3):
        with start_writer(path, "jobs") as writer:
            assert writer.stdout is not None
            acknowledged = [writer.stdout.readline() for _ in range(chance.randrange(2, 60))]
            writer.kill()
            acknowledged += writer.stdout.readlines()
        # The last line may be cut in the middle of its number.
        ids = {int(line) for line in acknowledged[1:] if line.endswith("\n")}
        with closing(open_database(path)) as db:
            with db.read() as tx:
                assert ids <= {job.id for job in job_store.page(tx, limit=100_000)}
                assert audit_log.verify(tx) is None
            assert db.integrity_problem() is None
