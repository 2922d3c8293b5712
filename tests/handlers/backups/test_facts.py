"""Which Zulip and which system a copy is of."""

from pathlib import Path

import pytest

from bot.demo.sample_host.host import SampleHost
from handlers.backups.facts import left_out, system_facts, zulip_facts
from handlers.host.settings import ContentSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def host(tmp_path: Path) -> SampleHost:
    return SampleHost.create(tmp_path / "host")


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        pytest.param({"HEAD": f"{COMMIT}\n"}, COMMIT, id="detached"),
        pytest.param(
            {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{COMMIT}\n"},
            COMMIT,
            id="branch",
        ),
        pytest.param(
            {"HEAD": "ref: refs/heads/main\n", "packed-refs": f"{COMMIT} refs/heads/main\n"},
            COMMIT,
            id="packed",
        ),
        pytest.param({"HEAD": "ref: refs/heads/gone\n"}, None, id="a branch that is gone"),
        pytest.param({"HEAD": "rubbish\n"}, None, id="rubbish"),
        pytest.param({}, None, id="a release"),
    ],
)
def test_the_commit_is_read_from_gits_own_files(
    host: SampleHost, files: dict[str, str], commit: str | None
) -> None:
    for name, text in files.items():
        path = host.layout.current.resolve() / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    assert zulip_facts(host.layout)["commit"] == commit


def test_the_system_is_named(host: SampleHost) -> None:
    assert system_facts(host.layout) == {
        "id": "debian",
        "version": "12",
        "name": "Debian GNU/Linux 12 (bookworm)",
        "libc": None,
    }


def test_what_is_chosen_is_not_left_out() -> None:
    nothing = left_out(ContentSettings())
    everything = left_out(ContentSettings(True, True, Path("/a"), Path("/b")))

    assert set(nothing) - set(everything) == {
        "Certificates and their private keys: `backup.certificates` is not set.",
        "Logs: `backup.logs` is not set.",
        "The bot's own database and configuration: `backup.own_state` is off.",
    }
