"""The imitated supervisorctl prints what the real one printed, and ends as it does."""

import re
import subprocess
from pathlib import Path

import pytest

from bot.demo.sample_host import programs
from bot.demo.sample_host.programs import NAMES
from handlers.host.layout import Layout

#: As supervisorctl 4 prints it: the name fills 64 columns and the state ten.
LINE = re.compile(r"(?=\S+ +).{64}RUNNING   pid \d+, uptime \d+:\d\d:\d\d")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "a root" / "with spaces")
    programs.install(layout)
    return layout


def call(layout: Layout, *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [layout.supervisorctl, *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_status_looks_like_the_real_one(layout: Layout) -> None:
    code, lines = call(layout, "status")
    assert code == 0
    assert [line.split()[0] for line in lines] == sorted(NAMES)
    assert all(LINE.fullmatch(line) for line in lines)


def test_status_of_some(layout: Layout) -> None:
    code, lines = call(layout, "status", "zulip-django", "zulip-workers:*")
    assert (code, len(lines)) == (0, 13)


def test_what_does_not_run_gives_exit_code_3(layout: Layout) -> None:
    programs.change(layout, "zulip-django", "FATAL", "Exited too quickly")
    code, lines = call(layout, "status", "zulip-django")
    assert (code, lines) == (3, [f"{'zulip-django':<64}FATAL     Exited too quickly"])
    assert call(layout, "status", "zulip-tornado")[0] == 0


def test_an_unknown_name_gives_exit_code_4(layout: Layout) -> None:
    assert call(layout, "status", "nothing") == (4, ["nothing: ERROR (no such process)"])
    programs.change(layout, "zulip-django", "STOPPED")
    assert call(layout, "status", "nothing", "zulip-django")[0] == 4


def test_without_supervisord_it_gives_exit_code_4(layout: Layout) -> None:
    programs.remove_supervisord(layout)
    assert call(layout, "status") == (4, ["unix:///var/run/supervisor.sock no such file"])


def test_programs_are_stopped_and_started(layout: Layout) -> None:
    assert call(layout, "stop", "zulip-tornado") == (0, ["zulip-tornado: stopped"])
    assert call(layout, "stop", "zulip-tornado") == (1, ["zulip-tornado: ERROR (not running)"])
    assert call(layout, "status")[0] == 3
    assert call(layout, "start", "zulip-tornado") == (0, ["zulip-tornado: started"])
    assert call(layout, "start", "zulip-tornado") == (1, ["zulip-tornado: ERROR (already started)"])
    assert call(layout, "status")[0] == 0


def test_a_group_is_restarted(layout: Layout) -> None:
    code, lines = call(layout, "restart", "zulip-workers:*")
    assert (code, len(lines)) == (0, 24)
    assert lines[:2] == [
        "zulip-workers:zulip_events_deferred_work: stopped",
        "zulip-workers:zulip_events_deferred_work: started",
    ]


def test_an_unknown_action_is_refused(layout: Layout) -> None:
    assert call(layout, "explode")[0] == 1


def test_an_unknown_program_cannot_be_changed(layout: Layout) -> None:
    with pytest.raises(KeyError):
        programs.change(layout, "nothing", "STOPPED")
