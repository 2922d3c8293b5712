"""The bot as an account without rights: others start its runs, it reads what they leave."""

import grp
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from bot.settings import read_settings
from handlers.backups import catalogue
from jobs.launching.fork_launcher import ForkLauncher
from jobs.observing.observer_spec import ObserverSpec
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, STOP, BotProcess, Conversation, is_root
from tests.bot import as_nobody
from tests.conftest import USUAL_MAJOR, Clusters
from tests.fakes.helper import FakeHelper

pytestmark = pytest.mark.skipif(not is_root(), reason="only root can become another account")


AS_NOBODY = (sys.executable, "-I", as_nobody.__file__, "run", "--config")


@pytest.fixture(scope="module")
def stage(clusters: Clusters, s3: S3Server) -> Iterator[Stage]:
    """A folder that every account may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="zulip-ops-rights-"))
    folder.chmod(0o755)
    launcher = f'backend = "helper"\nsocket = "{folder / "helper.sock"}"'
    wish = Wish(extent=SMALL, launcher=launcher)
    cluster = clusters.of(USUAL_MAJOR)
    with Stage.set_up(folder, wish, cluster=cluster, s3=s3) as made:
        made.zulip.set_rate_limit(100_000)
        made.stores = made.stores[:1]
        made.write_configuration(wish)
        yield made
        assert made.host.database is not None
        cluster.drop_database(made.host.database.name)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


@contextmanager
def helper(stage: Stage, group_id: int) -> Iterator[None]:
    """Root's side of the protocol."""
    settings = read_settings(stage.configuration)
    configuration = settings.configuration
    group = grp.getgrgid(group_id).gr_name
    spec = ObserverSpec(configuration.host, configuration.stores, settings.state_directory, group)
    launcher = ForkLauncher(settings.state_directory, spec, group=group)
    with FakeHelper(configuration.launcher.socket, launcher, group_id=group_id):
        yield


@pytest.fixture(scope="module")
def talk(stage: Stage, nobody: pwd.struct_passwd) -> Iterator[Conversation]:
    stage.state.mkdir(mode=0o750)
    for path in (stage.state, stage.folder / "zuliprc"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    with helper(stage, nobody.pw_gid), closing(Conversation(stage)) as conversation:
        conversation.start_process(AS_NOBODY)
        yield conversation


def account_of(process: BotProcess | None) -> int:
    assert process is not None
    return Path(f"/proc/{process.pid}").stat().st_uid


def test_a_backup_is_planned_confirmed_and_taken(
    talk: Conversation, cast: Cast, nobody: pwd.struct_passwd
) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    talk.react(cast.iago, talk.card(job.id).id)
    talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)
    talk.settled()
    status = talk.message(talk.job(job.id).status_message_id or 0).content
    found = catalogue.list_snapshots(talk.stage.stores[0])
    (snapshot,) = [one for one in found if one.job == job.id]

    assert account_of(talk.process) == nobody.pw_uid
    assert snapshot.standing.verified_at is not None
    assert "succeeded" in end.content
    assert "✔ Copy database, uploads and configuration" in status
    for folder in talk.run_folders():
        assert {file.stat().st_uid for file in (folder, *folder.iterdir())} == {0}
    assert (talk.stage.state / "zulip-ops.db").stat().st_uid == nobody.pw_uid
    assert f"Output of job #{job.id}: [job-{job.id}.log](" in talk.hear(cast.iago, f"log {job.id}")


def test_the_host_is_looked_at_for_it(talk: Conversation, cast: Cast) -> None:
    # Without a copy that part is unknown, whichever test comes first.
    talk.reached(talk.job_for(talk.ask(cast.iago, "backup now --yes")).id, "succeeded")

    def is_seen() -> bool:
        """On a busy machine a round may take longer than whoever asks is made to wait."""
        answer = talk.hear(cast.iago, "status --fresh")
        return "All 16 programs are running." in answer and "unknown" not in answer

    talk.until(is_seen, "all of the host")


def test_a_run_is_cancelled(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        asked = talk.ask(cast.iago, "backup now --yes")
        job = talk.job_for(asked)
        talk.wait_until_held()
        assert talk.hear(cast.iago, f"cancel {job.id}").startswith("I am ending job #")
        talk.reached(job.id, "cancelled")
        talk.until(lambda: not talk.processes(), "the whole tree is gone")
    talk.end_of(job.id)
    talk.wait_for_marks(asked, STOP)


def test_a_bot_that_is_killed_finds_its_run_again(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
        talk.wait_until_held()
        talk.kill_bot()
        talk.start_process(AS_NOBODY)
    talk.reached(job.id, "succeeded")
    talk.end_of(job.id)
