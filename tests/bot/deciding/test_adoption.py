"""What root does on the host while the bot is down is done alone, and told when it is back."""

import hashlib
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.deciding.adoption import find_foreign
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.views import SeenMessage
from jobs.runs.run_folder import RunFolder
from state import job_store
from state.database import open_read_only
from state.job_store import Job
from tests.bot.programs import bot, zulip_ops
from tests.conftest import USUAL_MAJOR, Clusters

READ = "(The bot does not answer, so this is read from its files.)\n"
ALONE = "(The bot does not answer; it will tell of this in Zulip when it is back.)\n"
LIMIT = timedelta(seconds=30)


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, clusters: Clusters, s3: S3Server
) -> Iterator[Stage]:
    """The bot ran here once and is down."""
    wish = Wish(extent=Extent(messages=20, uploads=2))
    folder = tmp_path_factory.mktemp("adoption")
    with Stage.set_up(folder, wish, cluster=clusters.of(USUAL_MAJOR), s3=s3) as made:
        made.zulip.set_rate_limit(100_000)
        with bot(made.configuration, made.state) as program:
            program.wait_for("Connected to Zulip")
            assert program.end() == 0
        yield made


def do(stage: Stage, *words: str, more: dict[str, str] | None = None) -> tuple[int, str]:
    done = zulip_ops("do", "--config", str(stage.configuration), *words, more=more)
    assert done.stderr == ""
    return done.returncode, done.stdout


def jobs(stage: Stage) -> list[Job]:
    database = open_read_only(stage.state / "zulip-ops.db")
    try:
        with database.read() as tx:
            return job_store.page(tx, limit=100)
    finally:
        database.close()


def told(stage: Stage) -> list[SeenMessage]:
    return [one for one in stage.zulip.messages() if "While I was away, root ran" in one.content]


def database_sum(stage: Stage) -> str:
    return hashlib.sha256((stage.state / "zulip-ops.db").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status", "Zulip"),
        ("status --fresh", "Zulip"),
        ("history", "\n"),
        ("help", "@ops status"),
        ("version", "zulip-ops"),
        ("whoami", "root on the host"),
    ],
)
def test_what_only_reads_is_read_from_the_files(stage: Stage, command: str, said: str) -> None:
    before = database_sum(stage)
    code, output = do(stage, command)
    assert code == 0
    assert output.startswith(READ)
    assert said in output.removeprefix(READ)
    assert database_sum(stage) == before


def test_a_bad_command_is_one_line(stage: Stage) -> None:
    code, output = do(stage, "bakup now")
    assert (code, output.count("\n")) == (2, 1)
    assert "backup now" in output


def test_cancelling_needs_the_bot(stage: Stage) -> None:
    code, output = do(stage, "cancel 999")
    assert code == 1
    assert "There is no job #999." in output


def test_where_no_bot_ever_ran_that_is_said(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "zulip-ops.toml"
    text = stage.configuration.read_text()
    path.write_text(text.replace(str(stage.state), str(tmp_path / "state")))
    done = zulip_ops("do", "--config", str(path), "history")
    assert done.returncode == 1
    assert done.stderr == (
        f"zulip-ops: There is no database at {tmp_path}/state/zulip-ops.db yet. "
        "Start the bot once: `zulip-ops run`.\n"
    )


def test_a_run_made_alone_becomes_a_job_of_roots_and_is_told_once(stage: Stage) -> None:
    before, sum_before, told_before = jobs(stage), database_sum(stage), len(told(stage))
    old = {path.name for path in (stage.state / "runs").glob("*")}
    code, output = do(stage, "backup now")
    assert code == 0, output
    assert output.startswith(ALONE)
    assert "\nsucceeded after " in output
    assert database_sum(stage) == sum_before, "the database is not opened for writing"
    folders = [RunFolder(path) for path in (stage.state / "runs").iterdir() if path.name not in old]
    alone = [folder for folder in folders if folder.read_spec().asker.kind == "root"]
    assert all(folder.has_ended for folder in alone)

    for start in ("first", "second"):
        with bot(stage.configuration, stage.state) as program:
            if start == "first":
                stage.zulip.wait_until(lambda: len(told(stage)) > told_before, LIMIT)
            else:
                # Adoption comes with the connection, in one go with the answer to this.
                program.wait_for("Connected to Zulip")
                asked = stage.zulip.post(stage.cast.iago, "ops", "talk", "@**ops** history")
                stage.zulip.wait_for(
                    lambda one: one.topic == "talk" and "backup now" in one.content,
                    LIMIT,
                    after=asked,
                )
            assert program.end() == 0
        new = [job for job in jobs(stage) if job.id not in {one.id for one in before}]
        assert len(new) == 1
        (job,) = new
        assert (job.origin, job.consent, job.status) == ("host", "root", "succeeded")
        assert (job.asker_name, job.asker_id) == ("root on the host", None)
        assert len(told(stage)) == told_before + 1
    assert f"root ran `backup now` on the host. It is job #{job.id}." in told(stage)[-1].content
    assert f"#{job.id}" in told(stage)[-1].topic


def test_a_run_that_dies_is_told_on_the_terminal(stage: Stage) -> None:
    code, output = do(stage, "backup now", more={"ZULIP_OPS_CRASH_AT": "before_result"})
    assert code == 1
    assert "The run has died without a result; what it wrote is in " in output


def test_folders_that_are_not_understood_are_left_alone(stage: Stage, tmp_path: Path) -> None:
    code, _ = do(stage, "backup now")
    assert code == 0
    runs = sorted((stage.state / "runs").glob("*-2"), key=lambda path: path.stat().st_mtime)
    moved = tmp_path / "runs" / runs[-1].name
    shutil.move(runs[-1], moved)
    assert [one.folder.path for one in find_foreign(tmp_path / "runs", set())] == [moved]
    spec = moved / "spec.json"
    good = spec.read_text()
    for bad in (
        good.replace('"backup now"', '"format everything"'),
        good.replace('"root"', '"user"'),
        good.replace('"mode": "run"', '"mode": "plan"'),
        "no JSON",
    ):
        spec.write_text(bad)
        assert find_foreign(tmp_path / "runs", set()) == []
    spec.unlink()
    assert find_foreign(tmp_path / "runs", set()) == []
    assert find_foreign(tmp_path / "nowhere", set()) == []
