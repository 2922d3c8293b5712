"""`zulip-ops do` while the bot is there: the same verbs, through the bot, with its jobs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.on_host.run_display import RunDisplay
from handlers.errors import Reason
from jobs.journal import ResultStatus, RunResult
from jobs.runs.run_folder import RunFolder
from state import job_store, run_store
from state.database import open_read_only
from tests.bot.programs import Program, bot, zulip_ops
from tests.conftest import USUAL_MAJOR, Clusters

ALONE = "(The bot does not answer"


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, clusters: Clusters, s3: S3Server
) -> Iterator[Stage]:
    wish = Wish(extent=Extent(messages=20, uploads=2))
    folder = tmp_path_factory.mktemp("hostcommand")
    with Stage.set_up(folder, wish, cluster=clusters.of(USUAL_MAJOR), s3=s3) as made:
        yield made


@pytest.fixture(scope="module")
def running(stage: Stage) -> Iterator[Program]:
    with bot(stage.configuration, stage.state) as program:
        program.wait_for("Connected to Zulip")
        yield program


def do(stage: Stage, *words: str) -> tuple[int, str]:
    """Exit code and output; standard error has to stay empty."""
    done = zulip_ops("do", "--config", str(stage.configuration), *words)
    assert done.stderr == ""
    assert ALONE not in done.stdout
    return done.returncode, done.stdout


@pytest.mark.usefixtures("running")
def test_status_comes_from_the_bot(stage: Stage) -> None:
    code, said = do(stage, "status")
    assert code == 0
    assert "Zulip answered me in" in said
    assert "<time:" not in said


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("words", [("history",), ("help",), ("help", "backup"), ("schedules",)])
def test_what_only_reads_is_answered(stage: Stage, words: tuple[str, ...]) -> None:
    code, said = do(stage, *words)
    assert code == 0
    assert said.strip()


@pytest.mark.usefixtures("running")
def test_root_may_do_what_is_declared(stage: Stage) -> None:
    code, said = do(stage, "whoami")
    assert code == 0
    assert "root on the host" in said
    assert said.count("you may ask for them") == 4


@pytest.mark.usefixtures("running")
def test_a_backup_is_a_job_of_the_bots_and_told_in_zulip_too(stage: Stage) -> None:
    code, said = do(stage, "backup", "now")
    assert code == 0, said
    lines = said.splitlines()
    assert any(line.startswith("  ") and line.endswith(" ...") for line in lines), "no step"
    assert lines[-2].startswith("succeeded after "), said
    database = open_read_only(stage.state / "zulip-ops.db")
    with database.read() as tx:
        (job,) = [one for one in job_store.page(tx, limit=100) if one.origin == "host"]
        assert (job.asker_name, job.consent, job.asker_id) == ("root on the host", "root", None)
        assert [run.mode for run in run_store.runs_of(tx, job.id)] == ["plan", "run"]
    database.close()
    stage.zulip.wait_for(
        lambda message: f"#{job.id}" in message.topic and "succeeded" in message.content,
        timedelta(seconds=20),
    )
    code, said = do(stage, "log", str(job.id))
    assert code == 0
    assert f"The whole of it is in {stage.state}/runs/{job.id}-2/output.log." in said


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bakup", "now"), "backup now"),
        (("job", "twelve"), "`job` needs a job's number, and `twelve` is none."),
        (("backup", "now", "--to"), "needs a value"),
        (("",), "Type `help`."),
    ],
)
def test_bad_input_is_one_line_and_no_job(stage: Stage, words: tuple[str, ...], said: str) -> None:
    done = zulip_ops("do", "--config", str(stage.configuration), "--", *words)
    assert done.returncode == 2
    assert said in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("job 4711", "There is no job #4711."),
        ("cancel 4711", "There is no job #4711."),
        ("schedule remove nobody", "There is no schedule `nobody`."),
        ("hold end 9", "hold"),
        ("job 4711 resolve --failed --reason 'the disk was full'", "There is no job #4711."),
        ("backup now --to nowhere", "nowhere"),
    ],
)
def test_what_is_refused_says_so_with_its_exit_code_too(
    stage: Stage, command: str, said: str
) -> None:
    done = zulip_ops("do", "--config", str(stage.configuration), command)
    assert said in done.stdout
    # A store that does not exist is seen while the command is read.
    assert done.returncode == (2 if "nowhere" in command else 1), done.stdout


def test_without_words_the_usage_is_shown(stage: Stage) -> None:
    done = zulip_ops("do", "--config", str(stage.configuration))
    assert done.returncode == 2
    assert "Usage:" in done.stderr


def test_a_run_that_brings_no_result_is_not_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    display = RunDisplay(said.append)
    result = display.follow(RunFolder(tmp_path / "1-1"), lambda: "The job was cancelled.")
    assert display.tell(result) == 1
    assert said == ["The job was cancelled."]


def test_what_a_read_command_is_for_is_shown_on_the_terminal() -> None:
    said: list[str] = []
    now = datetime(2026, 11, 25, tzinfo=UTC)
    result = RunResult(
        job=3,
        attempt=2,
        mode="run",
        status=ResultStatus.SUCCEEDED,
        reason=Reason.DONE,
        sentence="Copy `x` lies in local.",
        state="",
        started_at=now,
        ended_at=now,
        boot_id="",
        facts={"shown": {"id": "x", "store": "local", "commands": ["one", "two"]}},
    )
    assert RunDisplay(said.append, "backup show").tell(result) == 0
    assert "```bash\none\ntwo\n```" in said[-1]
