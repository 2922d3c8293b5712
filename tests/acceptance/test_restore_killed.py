"""A runner that is killed during a restore: what holds is told, the host stays locked, and what
the host is told to type brings everything from before back."""

import subprocess

import pytest

from bot.demo.sample_host.scripts.controls import read_serving
from bot.demo.stage import Wish
from bot.on_host.command_line import HostCommandLine
from bot.settings import read_settings
from jobs.runs.crashpoints import CRASH_AT, environment
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation
from tests.acceptance.test_restore import POLICY, SERVER

#: At the beginning of which step of the run it dies, counted from 1.
BESIDE, SWAP, PURGE, WAIT = 8, 11, 12, 14


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=f"{POLICY}arming_seconds = 0\n")


@pytest.fixture(scope="module")
def copy(talk: Conversation) -> int:
    job = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes"))
    return talk.reached(job.id, "succeeded").id


def on_host(talk: Conversation, command: str) -> str:
    said: list[str] = []
    line = HostCommandLine(read_settings(talk.stage.configuration), said.append)
    code = line.carry_out(command)
    assert code == 0, said
    return "\n".join(said)


def killed_at(talk: Conversation, copy: int, step: int, patch: pytest.MonkeyPatch) -> Job:
    """The plan is agreed to; the run dies, and the bot finds it so."""
    cast = talk.stage.cast
    job = talk.job_for(talk.ask(cast.iago, f"restore {copy} --server {SERVER}"))
    card = talk.card(job.id)
    talk.react(cast.desdemona, card.id)
    with patch.context() as wished:
        wished.setenv(CRASH_AT, f"step_begun:{step + runs_before(wished)}")
        talk.react(cast.hamlet, card.id)
        talk.until(lambda: talk.job(job.id).status == "interrupted", "it is found to be lost")
    return talk.job(job.id)


def runs_before(patch: pytest.MonkeyPatch) -> int:
    """How many runs of this process were told of a place to die at: each is told a lower number."""
    patch.setenv(CRASH_AT, "step_begun:1000")
    told = environment()[CRASH_AT]
    return 1000 - int(told.partition(":")[2]) + 1


def typed(said: str, before: str) -> list[str]:
    """The commands in backticks that follow these words."""
    return said.split(f"{before} `")[1].split("`.", maxsplit=1)[0].split("`; `")


def run_all(commands: list[str]) -> None:
    for command in commands:
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)


def expect_told(job: Job, step: int) -> None:
    untouched = "Nothing that Zulip uses was changed. Beside it may lie the database `"
    switching = "It was switching to what it had restored, so Zulip may be stopped."
    assert job.sentence is not None
    assert "was killed before it could write a result" in job.sentence
    assert (untouched if step == BESIDE else switching) in job.sentence


def resolved(talk: Conversation, job: Job) -> None:
    """Until then nothing else changes the server."""
    waiting = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes"))
    talk.reached(waiting.id, "queued")
    talk.hear(
        talk.stage.cast.desdemona, f"job {job.id} resolve --failed --reason 'it was put right'"
    )
    talk.reached(waiting.id, "succeeded")


def left_over(talk: Conversation, copy: int, job: Job) -> str:
    """What `restore plan` says of it on the host, also while chat is away."""
    said = on_host(talk, f"restore plan {copy}")
    return said.split(f"Restore #{job.id} has left something")[1].split("\n")[0]


@pytest.mark.parametrize("step", [BESIDE, SWAP, PURGE, WAIT])
def test_a_runner_killed_at_the_boundary_of_a_step(
    talk: Conversation, copy: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = talk.stage.host
    assert host.database is not None
    host.grow_database(5)
    newest = host.database.newest_message()
    files = {path.name for path in host.layout.uploads.rglob("*")}

    job = killed_at(talk, copy, step, monkeypatch)
    serving = read_serving(host.layout)
    mine = left_over(talk, copy, job)

    is_swapped = step in {PURGE, WAIT}
    assert ("The database is the restored one" in mine) == is_swapped
    assert (host.database.newest_message() < newest) == is_swapped
    assert (serving is None or serving.answers) == (step in {BESIDE, WAIT})
    if is_swapped:
        run_all(typed(mine, "All as before:"))
        mine = left_over(talk, copy, job)
    elif step == SWAP:
        run_all(typed(mine, "To start it:"))
    run_all(typed(mine, "To drop what is not used:"))

    assert host.database.newest_message() == newest
    assert {path.name for path in host.layout.uploads.rglob("*")} == files
    cluster = host.database.cluster
    assert str(job.id) not in cluster.sql(
        f"SELECT datname FROM pg_database WHERE datname ~ '^{host.database.name}_.*_{job.id}$'",
        database="postgres",
    )
    assert list(host.layout.uploads.parent.glob("uploads_*")) == []
    expect_told(job, step)
    resolved(talk, job)
