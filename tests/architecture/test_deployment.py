"""The unit for a real server is one that systemd accepts, and the examples can be read."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.zulip_api.zuliprc import check_zuliprc
from tests.architecture.tree import ROOT

UNIT = ROOT / "deploy" / "zulip-ops.service"


def test_the_unit_starts_the_installed_program_from_its_own_environment() -> None:
    unit = _unit(UNIT.read_text())
    command = unit["Service"]["ExecStart"].split()
    assert command == [
        "/opt/zulip-ops/.venv/bin/zulip-ops",
        "run",
        "--config",
        "/etc/zulip-ops/zulip-ops.toml",
    ]
    assert unit["Service"]["Environment"] == "PYTHONSAFEPATH=1"


def test_the_bot_takes_what_it_started_itself_along_when_it_stops() -> None:
    # Runs have units of their own: bin/bench service has seen that they go on.
    assert _unit(UNIT.read_text())["Service"]["KillMode"] == "mixed"


def test_a_wrong_configuration_is_not_tried_again_and_again() -> None:
    assert _unit(UNIT.read_text())["Service"]["RestartPreventExitStatus"] == "2"


def test_nothing_is_set_that_would_keep_the_bot_from_its_runs() -> None:
    service = _unit(UNIT.read_text())["Service"]
    # The unit says why, and bin/bench service has seen it.
    left_out = {"MemoryDenyWriteExecute", "ProtectProc"}
    left_out |= {"ProtectKernelTunables", "ProtectControlGroups"}
    assert left_out.isdisjoint(service)
    assert service["OOMPolicy"] == "continue"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "zulip-ops"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / "zulip-ops.service"
    copy.write_text(UNIT.read_text().replace("/opt/zulip-ops/.venv/bin/zulip-ops", str(program)))
    result = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy),
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in result.stderr.splitlines() if "zulip-ops.service" in line]
    assert (result.returncode, about_it) == (0, [])


def test_the_example_of_a_zuliprc_has_every_key_and_a_comment_for_each() -> None:
    text = (ROOT / "zuliprc.example").read_text()
    lines = text.splitlines()
    keys = {"email", "key", "site", "cert_bundle", "insecure", "client_cert", "client_cert_key"}
    for key in keys:
        (place,) = [n for n, line in enumerate(lines) if line.lstrip("# ").startswith(f"{key} =")]
        assert lines[place - 1].startswith("# "), f"{key} has no comment"


def test_the_example_of_a_zuliprc_is_read_as_zulip_reads_it() -> None:
    check_zuliprc(ROOT / "zuliprc.example", {}, environment={})
    parser = configparser.ConfigParser()
    parser.read(ROOT / "zuliprc.example")
    assert set(parser["api"]) == {"email", "key", "site"}


class UnitParser(configparser.ConfigParser):
    """Reads a unit: keys have capitals, and some come more than once."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _unit(text: str) -> UnitParser:
    parser = UnitParser(strict=False, interpolation=None, delimiters=("=",))
    parser.read_string(text)
    return parser
