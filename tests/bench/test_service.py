"""The trial on a booted systemd follows the document and reports what it has goals for."""

import ast
import inspect
from pathlib import Path

import pytest

from bench.booted import checks, reboot, unit_checks
from bench.booted.documented import commands
from bench.booted.goals import GOALS
from bench.booted.server import Server
from bot.demo.zulip.cast import add_cast
from bot.demo.zulip.server import SimulatedZulip
from jobs.configuration_file import read_configuration
from tests.architecture.tree import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"


def test_the_commands_of_a_section_are_the_lines_in_its_fences() -> None:
    assert commands(DOCUMENT, "1. Install it") == [
        "sudo git clone <this repository> /opt/zulip-ops",
        "sudo /opt/zulip-ops/bin/environment",
        "sudo ln -s /opt/zulip-ops/.venv/bin/zulip-ops /usr/local/bin/zulip-ops",
    ]


def test_a_section_without_commands_is_an_error() -> None:
    with pytest.raises(LookupError, match="Make the bot in Zulip"):
        commands(DOCUMENT, "2. Make the bot in Zulip")


def test_every_section_that_is_walked_through_is_there() -> None:
    walked = ("3. Put the files in place", "4. Try it", "5. Let it run", "A newer version")
    assert all(commands(DOCUMENT, section) for section in walked)
    assert len([line for line in commands(DOCUMENT, "4. Try it") if "doctor" in line]) == 1
    assert len([line for line in commands(DOCUMENT, "5. Let it run") if "ops do" in line]) == 2


def test_the_example_can_be_filled_in_as_the_trial_does(tmp_path: Path) -> None:
    file = tmp_path / "zulip-ops.toml"
    with SimulatedZulip() as zulip:
        server = Server(zulip, add_cast(zulip))
        file.write_text(server.filled_in((ROOT / "zulip-ops.toml.example").read_text()))
    configuration = read_configuration(file)
    assert [store.name for store in configuration.stores] == ["local"]
    assert configuration.policy.roles["operator"] == (server.cast.iago.id,)


def test_every_figure_has_a_goal_and_every_goal_a_figure() -> None:
    returned = {
        key.value
        for module in (checks, unit_checks, reboot)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Return)
        for part in ast.walk(node)
        if isinstance(part, ast.Dict)
        for key in part.keys
        if isinstance(key, ast.Constant)
    }
    assert returned == set(GOALS)
