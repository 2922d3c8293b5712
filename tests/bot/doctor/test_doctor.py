"""The doctor finds each thing that can be wrong, says what to do, and ends with the right code."""

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.model.people import Person
from bot.doctor.contract import Verdict
from bot.doctor.examination import examine
from bot.doctor.in_zulip import examine_zulip
from bot.settings import read_settings
from handlers.backups.probing.abilities import note
from handlers.backups.probing.trying import probe
from handlers.host.object_store import open_store
from jobs.clock import SystemClock
from jobs.launching.transient_units import BOOTED
from state.database import open_database
from tests.bot.programs import zulip_ops, zulip_ops_as_nobody
from tests.conftest import USUAL_MAJOR, Clusters

CONFIGURATION, TRY_AGAIN = 2, 75


@dataclass
class Report:
    """What the doctor said."""

    code: int
    lines: list[str]

    def of(self, subject: str) -> str:
        """The one line about this subject."""
        found = [line for line in self.lines if line[9:].startswith(f"{subject}: ")]
        assert len(found) == 1, f"{subject}: {found} of {self.lines}"
        return found[0]

    @property
    def failed(self) -> list[str]:
        return [line for line in self.lines if line.startswith("failed")]


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, clusters: Clusters, s3: S3Server
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("doctor")
    wish = Wish(extent=Extent(messages=20, uploads=2))
    with Stage.set_up(folder, wish, cluster=clusters.of(USUAL_MAJOR), s3=s3) as made:
        made.zulip.set_rate_limit(100_000)
        for each in made.stores:
            store = open_store(each)
            note(store, probe(store, SystemClock()))
        yield made


@pytest.fixture
def examined(stage: Stage, tmp_path: Path) -> Callable[..., Report]:
    """Examine the stage with other text in places of its configuration, and a state of its own."""

    def carry_out(*replaced: tuple[object, object], more: str = "") -> Report:
        text = stage.configuration.read_text().replace(str(stage.state), str(tmp_path / "state"))
        for old, new in replaced:
            assert str(old) in text, old
            text = text.replace(str(old), str(new))
        path = tmp_path / "zulip-ops.toml"
        path.write_text(f"{text}\n{more}\n")
        lines: list[str] = []
        code = examine(path, lines.append)
        assert all("\n" not in line and len(line) < 400 for line in lines), lines
        return Report(code, lines)

    return carry_out


def test_where_all_is_well_each_path_gets_one_good_line(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    report = examined()
    assert report.code == 0, report.lines
    assert not report.failed
    for subject in (
        *("configuration", "key", "edit limit", "clock", "state", "deployment", "supervisor"),
        *("secrets", "health", "database", "pg_dump", "store local", "store s3", "drills"),
    ):
        assert report.of(subject).startswith("ok"), report.of(subject)
    assert report.of("channel").startswith("warning"), "#ops is public on this stage"
    assert not list((tmp_path / "state").iterdir()), "the bot's database is the bot's to make"
    assert not list((stage.folder / "backups").rglob("probe/*")), "nothing is left in the store"


def test_a_private_channel_is_well(stage: Stage, examined: Callable[..., Report]) -> None:
    secret = stage.zulip.add_channel("secret-ops", private=True, creator=stage.cast.desdemona)
    stage.zulip.subscribe(secret, stage.cast.bot)
    report = examined(('channel = "ops"', 'channel = "secret-ops"'))
    assert report.of("channel") == "ok       channel: The bot reads #secret-ops, which is private."


def test_the_database_of_a_bot_is_read_through_and_left_as_it_is(
    examined: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    open_database(tmp_path / "state/zulip-ops.db").close()
    before = (tmp_path / "state/zulip-ops.db").read_bytes()
    report = examined()
    assert report.of("state").startswith("ok")
    assert "zulip-ops.db is sound" in report.of("state")
    assert (tmp_path / "state/zulip-ops.db").read_bytes() == before


def test_without_a_zuliprc_the_file_is_named(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    report = examined((stage.folder / "zuliprc", tmp_path / "nowhere/zuliprc"))
    assert report.code == CONFIGURATION
    assert f"There is no {tmp_path}/nowhere/zuliprc" in report.of("zuliprc")
    assert report.of("store local").startswith("ok"), "the other paths are tried all the same"


def test_a_wrong_key_is_told_with_its_file(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    zuliprc = tmp_path / "zuliprc"
    text = (stage.folder / "zuliprc").read_text()
    zuliprc.write_text(text.replace(stage.cast.bot.api_key, "x" * 32))
    report = examined((stage.folder / "zuliprc", zuliprc))
    assert report.code == CONFIGURATION
    assert report.failed == [report.of("key")]
    assert "does not accept the bot's key" in report.of("key")
    assert f"Look at `email` and `key` in {zuliprc}." in report.of("key")


def test_an_unreachable_server_may_pass_by_itself(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    zuliprc = tmp_path / "zuliprc"
    text = (stage.folder / "zuliprc").read_text()
    zuliprc.write_text(text.replace(stage.zulip.url, "http://127.0.0.1:9"))
    report = examined((stage.folder / "zuliprc", zuliprc))
    assert report.code == TRY_AGAIN
    assert report.failed == [report.of("key")]
    assert "http://127.0.0.1:9 cannot be reached" in report.of("key")
    assert f"look at `site` in {zuliprc}" in report.of("key")


def test_a_server_that_is_down_is_no_matter_of_configuration(
    stage: Stage, examined: Callable[..., Report]
) -> None:
    with stage.zulip.outages.away():
        report = examined()
    assert report.code == TRY_AGAIN
    assert "502" in report.of("key")
    assert report.of("health").startswith("warning")


def test_an_unknown_channel_is_named(examined: Callable[..., Report]) -> None:
    report = examined(('channel = "ops"', 'channel = "opps"'))
    assert report.code == CONFIGURATION
    assert report.failed == [report.of("channel")]
    assert "There is no channel opps" in report.of("channel")
    assert "`zulip.channel`" in report.of("channel")


def test_a_bot_that_is_not_subscribed_is_told_where_to_be(
    stage: Stage, examined: Callable[..., Report]
) -> None:
    stage.zulip.add_channel("quiet", creator=stage.cast.desdemona)
    report = examined(('channel = "ops"', 'channel = "quiet"'))
    assert report.code == CONFIGURATION
    assert "The bot is not subscribed to #quiet. Subscribe it" in report.of("channel")


def test_editing_that_is_switched_off_is_a_warning(
    stage: Stage, examined: Callable[..., Report]
) -> None:
    stage.zulip.allow_editing(allowed=False)
    try:
        report = examined()
    finally:
        stage.zulip.allow_editing(allowed=True)
    assert report.code == 0
    assert report.of("edit limit").startswith("warning")
    assert "progress is posted as new messages" in report.of("edit limit")


def test_an_account_of_a_person_is_a_warning(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    person: Person = stage.cast.iago
    stage.zulip.zuliprc(person, tmp_path / "zuliprc")
    report = examined((stage.folder / "zuliprc", tmp_path / "zuliprc"))
    assert report.code == 0
    assert any("This account is a person's" in line for line in report.lines)


class Later:
    """A clock that goes ahead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=5)


def test_clocks_that_disagree_are_a_failure(stage: Stage) -> None:
    diagnoses = list(examine_zulip(read_settings(stage.configuration), Later()))
    (clock,) = [one for one in diagnoses if one.subject == "clock"]
    assert clock.verdict is Verdict.FAILED
    assert "disagree about the time by 5 min" in clock.sentence
    assert "chrony" in (clock.advice or "")


def test_a_state_directory_that_cannot_be_made_is_named_with_its_key(
    examined: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    report = examined((tmp_path / "state", tmp_path / "file/state"))
    assert report.code == CONFIGURATION
    assert report.failed == [report.of("state")]
    assert f"`state.directory`: {tmp_path}/file/state cannot be made" in report.of("state")


def test_a_file_that_is_no_database_is_named(
    examined: Callable[..., Report], tmp_path: Path
) -> None:
    database = tmp_path / "state/zulip-ops.db"
    database.parent.mkdir()
    database.write_bytes(b"This is a letter and no database. " * 200)
    report = examined()
    assert report.code == CONFIGURATION
    assert f"The database {database} is not a database: move the file away" in report.of("state")


def test_a_damaged_database_is_found(examined: Callable[..., Report], tmp_path: Path) -> None:
    database = tmp_path / "state/zulip-ops.db"
    database.parent.mkdir()
    open_database(database).close()
    size = database.stat().st_size
    with database.open("r+b") as file:
        # Past the page with the schema: what opening alone does not notice.
        file.seek(size // 2)
        file.write(b"\xff" * (size - size // 2))
    report = examined()
    assert report.code == CONFIGURATION
    assert report.of("state").startswith("failed")
    assert f"The database {database} is damaged" in report.of("state")
    assert report.of("state").count("is damaged") == 1


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_is_nearly_full_is_a_warning(
    examined: Callable[..., Report], tmp_path: Path, small_disk: Path
) -> None:
    report = examined((tmp_path / "state", small_disk / "state"))
    assert report.code == 0
    (low,) = [line for line in report.lines if line.startswith("warning  state:")]
    assert f"are free in {small_disk}/state. Free some space." in low


def test_a_store_that_does_not_answer_is_named(
    stage: Stage, examined: Callable[..., Report], s3: S3Server
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        report = examined((s3.endpoint, endpoint))
    assert report.code == TRY_AGAIN
    assert report.failed == [report.of("store s3")]
    assert f"{endpoint} cannot be used" in report.of("store s3")
    assert report.of("store local").startswith("ok")


def test_a_bucket_that_is_not_there_is_named(examined: Callable[..., Report], s3: S3Server) -> None:
    report = examined((f'bucket = "{s3.bucket}"', 'bucket = "nothing-here"'))
    assert report.code != 0
    assert "there is no bucket nothing-here" in report.of("store s3")


def test_credentials_that_are_refused_are_told(
    examined: Callable[..., Report], s3: S3Server, tmp_path: Path
) -> None:
    wrong = tmp_path / "credentials"
    wrong.write_text(f"{s3.access_key}\nwrong\n")
    report = examined((s3.directory / "credentials", wrong))
    assert report.code != 0
    assert "403" in report.of("store s3")


def test_credentials_that_are_not_there_are_named(
    examined: Callable[..., Report], s3: S3Server, tmp_path: Path
) -> None:
    report = examined((s3.directory / "credentials", tmp_path / "none"))
    assert report.code != 0
    assert str(tmp_path / "none") in report.of("store s3")


def test_a_directory_that_cannot_be_written_is_named(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    report = examined((stage.folder / "backups", tmp_path / "file/backups"))
    assert report.code != 0
    assert report.failed == [report.of("store local")]
    assert str(tmp_path / "file") in report.of("store local")


def test_no_store_at_all_is_a_warning(stage: Stage, tmp_path: Path) -> None:
    text = stage.configuration.read_text().replace(str(stage.state), str(tmp_path / "state"))
    path = tmp_path / "zulip-ops.toml"
    path.write_text(text.partition("[[stores]]")[0])
    lines: list[str] = []
    assert examine(path, lines.append) == 0
    assert "warning  stores: No store is configured. Add one as [[stores]]." in lines


def test_a_postgresql_that_is_stopped_is_told(examined: Callable[..., Report]) -> None:
    report = examined(("port = 5432", "port = 5433"))
    assert report.code == TRY_AGAIN
    assert report.failed == [report.of("database")]
    assert "PostgreSQL cannot be reached" in report.of("database")
    assert "systemctl status postgresql" in report.of("database")


def test_missing_programs_of_postgresql_are_named(
    examined: Callable[..., Report], clusters: Clusters, tmp_path: Path
) -> None:
    report = examined((clusters.of(USUAL_MAJOR).programs, tmp_path))
    assert report.code == CONFIGURATION
    assert report.of("database").startswith("ok")
    assert f"{tmp_path}/pg_dump is missing. Install the package" in report.of("pg_dump")


def test_supervisorctl_that_is_missing_is_named(
    stage: Stage, examined: Callable[..., Report]
) -> None:
    program = stage.host.layout.supervisorctl
    hidden = program.with_name("hidden")
    program.rename(hidden)
    try:
        report = examined()
    finally:
        hidden.rename(program)
    assert report.code == CONFIGURATION
    assert report.failed == [report.of("supervisor")]
    assert f"There is no {program}. Check `host.root`" in report.of("supervisor")


def test_another_root_of_the_host_is_wrong_everywhere(
    stage: Stage, examined: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    report = examined((f'root = "{stage.host.root}"', f'root = "{tmp_path / "elsewhere"}"'))
    assert report.code == CONFIGURATION
    subjects = {line.split()[1].rstrip(":") for line in report.failed}
    assert subjects == {"deployment", "supervisor", "secrets"}
    assert "`host.root`" in report.of("deployment")


def test_an_address_where_nobody_answers_is_told(
    stage: Stage, examined: Callable[..., Report]
) -> None:
    report = examined((f'url = "{stage.zulip.url}"', 'url = "http://127.0.0.1:9"'))
    assert report.code == TRY_AGAIN
    assert report.failed == [report.of("health")]
    assert "http://127.0.0.1:9" in report.of("health")


@pytest.mark.skipif(BOOTED.is_dir(), reason="this machine was booted with systemd")
def test_a_systemd_that_is_not_there_is_named(examined: Callable[..., Report]) -> None:
    report = examined(('backend = "fork"', 'backend = "systemd"'))
    assert report.code == CONFIGURATION
    assert "was not booted with systemd" in report.failed[0]


def test_a_helper_that_is_not_there_is_named(
    examined: Callable[..., Report], tmp_path: Path
) -> None:
    helper = f'backend = "helper"\nsocket = "{tmp_path}/helper.sock"'
    report = examined(('backend = "fork"', helper))
    assert report.code == CONFIGURATION
    assert f"{tmp_path}/helper.sock is not there. Start the helper." in report.of("launcher")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "[observr]\nevery_seconds = 60",
            "the key `observr` is not known. Did you mean `observer`?",
        ),
        ("[observer]\nevery_seconds = 'often'", "`observer.every_seconds`: input should be"),
        ("[observer", "is not valid TOML"),
        ("[state]", "is not valid TOML"),
        (
            "[[schedules]]\nname = 'nightly'\ncommand = 'bakup now'\ncron = '0 3 * * *'",
            "the schedule `nightly`: There is no command",
        ),
        (
            "[[schedules]]\nname = 'nightly'\ncommand = 'backup now'\ncron = '61 3 * * *'",
            "the schedule `nightly`: `cron` cannot be read",
        ),
        ("[policy.destructive]\nask = ['boss']", "names the role `boss`"),
        ("[state2]\ngroup = 'x'", "the key `state2` is not known"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_line(
    examined: Callable[..., Report], tmp_path: Path, more: str, said: str
) -> None:
    report = examined(more=more)
    assert report.code == CONFIGURATION
    (line,) = report.lines
    assert line.startswith(f"failed   configuration: {tmp_path}/zulip-ops.toml")
    assert said in line


def test_the_command_says_it_and_ends_with_the_code(stage: Stage, tmp_path: Path) -> None:
    done = zulip_ops("doctor", "--config", str(stage.configuration))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ok       configuration: {stage.configuration} can be used.\n")
    done = zulip_ops("doctor", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == CONFIGURATION
    assert done.stdout == (
        f"failed   configuration: There is no configuration at {tmp_path}/none.toml. "
        "Copy zulip-ops.toml.example there and fill it in.\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_account_without_rights_learns_what_it_lacks(stage: Stage, world_readable: Path) -> None:
    for name in ("zulip-ops.toml", "zuliprc"):
        shutil.copy(stage.folder / name, world_readable / name)
        (world_readable / name).chmod(0o644)
    text = (world_readable / "zulip-ops.toml").read_text()
    text = text.replace(str(stage.folder / "zuliprc"), str(world_readable / "zuliprc"))
    text = text.replace(str(stage.folder / "backups"), str(world_readable / "backups"))
    text = text.replace(str(stage.state), str(world_readable / "state"))
    (world_readable / "zulip-ops.toml").write_text(text)
    done = zulip_ops_as_nobody("doctor", "--config", str(world_readable / "zulip-ops.toml"))
    assert done.returncode == CONFIGURATION, done.stdout + done.stderr
    report = Report(done.returncode, done.stdout.splitlines())
    assert "`state.directory`" in report.of("state")
    assert f"{world_readable} cannot be written" in report.of("store local")
    assert "cannot be read. Run the bot as root." in report.of("secrets")
    assert report.of("launcher").startswith("warning")
    assert stat.S_IMODE(world_readable.stat().st_mode) == 0o755
