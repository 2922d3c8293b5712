"""The read commands answer under Zulip's own runners of bots, in their words and once."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from zulip_bots.test_lib import BotTestCase, DefaultTests, StubBotHandler

from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip
from bot.zulip_bots_adapter import ReadOnlyBot, handler_class
from state.database import open_database
from tests.bot.minimal import write_configuration, write_zuliprc
from tests.bot.programs import PROGRAMS, Program, call

ADAPTER = Path(__file__).parents[2] / "bot/zulip_bots_adapter.py"
LIMIT = timedelta(seconds=30)
VIEWER, STRANGER = 10_001, 10_002
POLICY = (
    *("[policy.roles]", f"viewer = [{VIEWER}]", "operator = []"),
    *("[policy.read]", 'ask = ["viewer"]', "[policy.routine]", 'ask = ["operator"]'),
)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation on which the bot has run once, and is not running."""
    folder = tmp_path_factory.mktemp("adapter")
    (folder / "state").mkdir()
    open_database(folder / "state/zulip-ops.db").close()
    return write_configuration(folder, *POLICY)


@pytest.fixture(autouse=True)
def outside_package(monkeypatch: pytest.MonkeyPatch, configuration: Path) -> None:
    """zulip_bots looks for bots of its own collection alone."""
    monkeypatch.setattr("zulip_bots.test_lib.get_bot_message_handler", lambda _: handler_class())
    monkeypatch.setenv("ZULIP_OPS_CONFIG", str(configuration))


class TestWithTheirBase(BotTestCase, DefaultTests):
    """zulip_bots' own tests, and dialogues in its own words."""

    bot_name = "zulip-ops"

    def test_help_shows_what_needs_no_role(self) -> None:
        said = self.get_reply_dict("help")["content"]
        assert "`@ops whoami`" in said
        assert "`@ops status`" not in said

    def test_a_sender_whose_number_is_a_text_is_nobody(self) -> None:
        self.verify_reply(
            "status",
            "You may not run `status`: it needs the role *viewer*; you have none.",
        )

    def test_what_changes_something_needs_the_daemon(self) -> None:
        self.verify_dialog(
            [
                (
                    command,
                    f"`{command}` needs the daemon `zulip-ops run`; where that runs, ask for it "
                    "in #**ops**.",
                )
                for command in ("backup now", "backup now --yes", "status --fresh", "upgrade 10.4")
            ]
        )

    def test_bad_input_is_one_line(self) -> None:
        for text in ("statsu", "job twelve", "@ops; rm -rf /", "x" * 10_000, "`" * 7, "a\0b"):
            said = self.get_reply_dict(text)["content"]
            assert "\n" not in said
            assert len(said) < 400

    def test_several_lines_are_no_command(self) -> None:
        self.verify_reply("status\nhistory", "A command is one line; please send that line alone.")

    def test_configuration_may_be_named_in_their_file(self) -> None:
        told = self.mock_config_info({"config": "/nowhere/zulip-ops.toml"})
        with told, pytest.raises(SystemExit):
            self.get_reply_dict("help")


@pytest.fixture
def say() -> Callable[..., str | None]:
    """What is answered to a message, with the fields that a real one has."""
    adapter = handler_class()
    handler = StubBotHandler()
    handler.user_id = 99
    adapter.initialize(handler)

    def said(content: str, **fields: Any) -> str | None:
        handler.reset_transcript()
        message = {"type": "private", "sender_id": VIEWER, "sender_full_name": "Viola"}
        adapter.handle_message({**message, "content": content, **fields}, handler)
        if not handler.transcript:
            return None
        return str(handler.unique_reply()["content"])

    return said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status", "127.0.0.1:9"),
        ("backups", "not been looked at"),
        ("history", "There are no jobs yet."),
        ("job 7", "There is no job #7."),
        ("log 7", "There is no job #7."),
        ("cancel 7", "There is no job #7."),
        ("schedules", "There are no schedules."),
        ("whoami", "Roles: *viewer*."),
        ("version", "zulip-ops "),
        ("help status", "**status**"),
        ("status --help", "**status**"),
        ("@**ops** history", "There are no jobs yet."),
        ("", "`@ops status`"),
    ],
)
def test_somebody_with_a_role_is_answered(
    say: Callable[..., str | None], command: str, said: str
) -> None:
    assert said in (say(command.replace("@**ops**", "@**test-bot**")) or "")


@pytest.mark.parametrize("fields", [{"sender_id": STRANGER}, {"sender_id": None}, {"sender_id": 0}])
def test_nobody_else_learns_of_the_server(
    say: Callable[..., str | None], fields: dict[str, object]
) -> None:
    for command in ("status", "backups", "history", "job 1", "log 1", "schedules"):
        assert (say(command, **fields) or "").startswith(f"You may not run `{command}`")
    assert "Viola" in (say("whoami", **fields) or "")


def test_a_command_belongs_into_its_channel(say: Callable[..., str | None]) -> None:
    channel = {"type": "stream", "subject": "talk"}
    assert say("history", display_recipient="ops", **channel) == "There are no jobs yet."
    assert "#**ops**" in (say("history", display_recipient="general", **channel) or "")


@pytest.mark.parametrize(
    "fields",
    [{"sender_id": 99}, {"client": "Internal"}, {"sender_realm_str": "zulipinternal"}],
)
def test_programs_get_no_answer(say: Callable[..., str | None], fields: dict[str, object]) -> None:
    assert say("whoami", **fields) is None


def test_an_old_message_is_not_acted_on(say: Callable[..., str | None]) -> None:
    assert "more than ten minutes old" in (say("history", timestamp=1_700_000_000) or "")


def test_files_that_cannot_be_read_are_told_in_a_sentence(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "zulip-ops.toml"
    state = configuration.with_name("state")
    path.write_text(configuration.read_text().replace(str(state), str(tmp_path / "state")))
    monkeypatch.setenv("ZULIP_OPS_CONFIG", str(path))
    adapter, handler = ReadOnlyBot(), StubBotHandler()
    adapter.initialize(handler)
    message = {"content": "history", "sender_id": VIEWER}
    adapter.handle_message(message, handler)
    assert "There is no database at" in handler.unique_reply()["content"]
    (tmp_path / "state").mkdir()
    (tmp_path / "state/zulip-ops.db").write_text("nonsense " * 1000)
    handler.reset_transcript()
    adapter.handle_message(message, handler)
    assert "is not a database" in handler.unique_reply()["content"]


def test_a_configuration_that_cannot_be_used_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZULIP_OPS_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SystemExit) as ended:
        ReadOnlyBot().initialize(StubBotHandler())
    assert ended.value.code == 2
    assert f"There is no configuration at {tmp_path}/none.toml." in capsys.readouterr().err


def test_zulip_bot_shell_runs_it(configuration: Path) -> None:
    done = call(
        *(str(PROGRAMS / "zulip-bot-shell"), str(ADAPTER)),
        more={"ZULIP_OPS_CONFIG": str(configuration)},
        said="help\nbackup now\nwhoami\nstatsu\n",
    )
    replies = done.stdout.split("\n-------\n")[1::2]
    assert len(replies) == 4, done.stdout + done.stderr
    assert "`@ops whoami`" in replies[0]
    assert "needs the daemon `zulip-ops run`" in replies[1]
    assert "You are" in replies[2]
    assert "`status`" in replies[3]
    # The shell itself knows no end of its input but Ctrl-C.
    assert done.stderr.rstrip().endswith("EOFError: EOF when reading a line")


@pytest.fixture(scope="module")
def zulip() -> Iterator[SimulatedZulip]:
    with SimulatedZulip() as running:
        running.set_rate_limit(100_000)
        yield running


@pytest.fixture(scope="module")
def cast(zulip: SimulatedZulip) -> Cast:
    return add_cast(zulip)


@pytest.fixture
def installed(zulip: SimulatedZulip, cast: Cast, configuration: Path, tmp_path: Path) -> Path:
    """A configuration whose viewer is Hamlet, and what zulip-run-bot wants beside it."""
    write_zuliprc(tmp_path, zulip, cast)
    shutil.copytree(configuration.with_name("state"), tmp_path / "state")
    text = "\n".join(POLICY).replace(str(VIEWER), str(cast.hamlet.id))
    path = write_configuration(tmp_path, text)
    (tmp_path / "zulip-ops.conf").write_text(f"[zulip-ops]\nconfig = {path}\n")
    return path


def run_bot(folder: Path) -> Program:
    return Program(
        folder / "run-bot.log",
        *(str(PROGRAMS / "zulip-run-bot"), "bot.zulip_bots_adapter"),
        *("--config-file", str(folder / "zuliprc")),
        *("--bot-config-file", str(folder / "zulip-ops.conf")),
        more={"PYTHONUNBUFFERED": "1"},
    )


def test_zulip_run_bot_answers_each_message_once(
    zulip: SimulatedZulip, cast: Cast, installed: Path
) -> None:
    with run_bot(installed.parent) as program:
        program.wait_for("starting message handling")
        zulip.wait_until(lambda: bool(zulip.calls("POST", "/api/v1/register", cast.bot)), LIMIT)
        mention = zulip.post(cast.hamlet, cast.ops, "talk", "@**ops** history")
        direct = zulip.post_direct(cast.cordelia, cast.bot, content="history")
        last = zulip.post_direct(cast.hamlet, cast.bot, content="backup now")
        zulip.wait_for(lambda one: "needs the daemon" in one.content, LIMIT, after=last)
        own = [one for one in zulip.messages() if one.sender_id == cast.bot.id and one.id > mention]
        assert [one.content.partition(":")[0] for one in own] == [
            "There are no jobs yet.",
            "You may not run `history`",
            "`backup now` needs the daemon `zulip-ops run`; where that runs, ask for it in "
            "#**ops**.",
        ]
        assert own[0].topic == "talk"
        assert direct < own[1].id
        assert "Traceback" not in program.said()


def test_zulip_run_bot_ends_with_a_sentence_without_its_section(installed: Path) -> None:
    (installed.parent / "zulip-ops.conf").write_text("[other]\nconfig = x\n")
    with run_bot(installed.parent) as program:
        assert program.wait() == 1
    assert "has no section [zulip-ops]." in program.said()
    assert "Traceback" not in program.said()
