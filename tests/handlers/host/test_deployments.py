"""Versions of code trees are read, never executed."""

import shutil
from pathlib import Path

import pytest

from bot.demo.sample_host.host import Extent, SampleHost
from handlers.errors import HostFailure, Reason
from handlers.host.deployments import current_deployment, list_deployments, read_deployment


@pytest.fixture
def host(tmp_path: Path) -> SampleHost:
    return SampleHost.create(tmp_path / "host", version="9.2", extent=Extent(uploads=0))


def test_the_current_tree_names_its_version(host: SampleHost) -> None:
    deployment = current_deployment(host.layout)
    assert deployment.version == "9.2"
    assert deployment.feature_level == 278
    assert deployment.path.name == "2026-11-20-10-00-00"
    assert deployment.links == ("current", "next")


def test_a_switch_is_seen_with_all_links(host: SampleHost) -> None:
    host.switch_version("10.4")
    assert [(each.version, each.links) for each in list_deployments(host.layout)] == [
        ("10.4", ("current", "next")),
        ("9.2", ("last",)),
    ]


@pytest.mark.parametrize(
    ("lines", "version", "merge_base"),
    [
        ("9.2-12-gabcdef1234\n9.2\n", "9.2-12-gabcdef1234", "9.2"),
        ("10.0-beta1\n", "10.0-beta1", None),
        ("12.0-dev+git\n\n", "12.0-dev+git", None),
        # Nothing that looks like a version: version.py is asked instead.
        ("", "9.2", None),
        ("rubbish; rm -rf /\n", "9.2", None),
    ],
)
def test_a_deployment_from_git_says_more(
    host: SampleHost, lines: str, version: str, merge_base: str | None
) -> None:
    tree = host.layout.current.resolve()
    (tree / "zulip-git-version").write_text(lines)
    deployment = read_deployment(tree)
    assert (deployment.version, deployment.merge_base) == (version, merge_base)


def test_a_release_needs_no_git_file(host: SampleHost) -> None:
    (host.layout.current / "zulip-git-version").unlink()
    assert current_deployment(host.layout).version == "9.2"


def test_version_py_is_not_executed(host: SampleHost, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    tree = host.layout.current.resolve()
    (tree / "zulip-git-version").unlink()
    (tree / "version.py").write_text(
        f"open({str(mark)!r}, 'w')\nZULIP_VERSION = '9.9'\nraise SystemExit\n"
    )
    assert current_deployment(host.layout).version == "9.9"
    assert not mark.exists()


def test_a_tree_without_a_version_is_named(host: SampleHost) -> None:
    tree = host.layout.current.resolve()
    (tree / "zulip-git-version").unlink()
    (tree / "version.py").write_text("ZULIP_VERSION = compute()\n")
    with pytest.raises(HostFailure, match="names no ZULIP_VERSION"):
        current_deployment(host.layout)


def test_a_half_unpacked_tree_is_left_out_of_the_list(host: SampleHost) -> None:
    (host.layout.deployments / "2026-11-23-10-00-00").mkdir()
    assert [each.version for each in list_deployments(host.layout)] == ["9.2"]


def test_a_host_without_zulip_is_not_configured(host: SampleHost) -> None:
    shutil.rmtree(host.layout.deployments)
    with pytest.raises(HostFailure, match="No such file") as caught:
        current_deployment(host.layout)
    assert caught.value.reason is Reason.NOT_CONFIGURED
    with pytest.raises(HostFailure):
        list_deployments(host.layout)
