"""The paths of a Zulip server hang below its root."""

from pathlib import Path

import pytest

from handlers.host.layout import Layout


def test_paths_of_a_real_server_are_those_of_the_installer() -> None:
    layout = Layout(Path("/"))
    assert layout.current == Path("/home/zulip/deployments/current")
    assert layout.deployment_lock == Path("/home/zulip/deployments/lock")
    assert layout.secrets_file == Path("/etc/zulip/zulip-secrets.conf")
    assert layout.uploads == Path("/home/zulip/uploads")
    assert layout.supervisorctl == Path("/usr/bin/supervisorctl")


def test_every_path_lies_below_another_root() -> None:
    layout = Layout(Path("/tmp/sample"))
    names = [name for name in dir(Layout) if isinstance(getattr(Layout, name), property)]
    assert len(names) > 10
    for name in names:
        value = getattr(layout, name)
        for path in value if isinstance(value, tuple) else (value,):
            assert path.is_relative_to("/tmp/sample")


def test_a_sample_host_brings_its_own_proc(tmp_path: Path) -> None:
    own = tmp_path / "proc/meminfo"
    own.parent.mkdir()
    own.touch()
    assert Layout(tmp_path).proc("meminfo") == own
    assert Layout(tmp_path).proc("loadavg") == Path("/proc/loadavg")
    assert Layout(Path("/")).proc("meminfo") == Path("/proc/meminfo")


@pytest.mark.parametrize(
    ("root", "path", "shown"),
    [
        ("/tmp/sample", "/tmp/sample/home/zulip", "/home/zulip"),
        ("/tmp/sample", "/tmp/sample", "/"),
        ("/tmp/sample", "/var/lib/zulip-ops", "/var/lib/zulip-ops"),
        ("/", "/home/zulip", "/home/zulip"),
    ],
)
def test_paths_are_shown_as_the_host_knows_them(root: str, path: str, shown: str) -> None:
    assert Layout(Path(root)).shown(Path(path)) == shown
