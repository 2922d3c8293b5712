"""Attacks by the policy's file, and slips of the pen in it: what is not clear permits nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.permissions import roles_of
from handlers.contract import Effect
from handlers.errors import Reason
from jobs.configuration import Policy
from jobs.configuration_file import ConfigurationError, read_configuration
from jobs.consent_terms import effect_policy, terms_of
from jobs.policy_file import PolicyFile

IAGO, HAMLET = 5, 6
NOBODY = 65534
GOOD = f"""
[policy.roles]
operator = [{IAGO}]
approver = [{HAMLET}]
[policy.read]
ask = ["operator"]
[policy.routine]
ask = ["operator"]
approve = ["approver"]
people = 1
window = ["Sat 02:00-05:00 Europe/Berlin"]
"""
#: What a hurried hand makes of each word of it.
SLIPS = {
    "[policy.roles]": ("[policy.role]", "[policy.roles", "[polcy.roles]", "[[policy.roles]]", ""),
    f"operator = [{IAGO}]": (
        f"operator = {IAGO}",
        f'operator = ["{IAGO}"]',
        'operator = ["iago@example.com"]',
        "operator = [5.0]",
        "operator = [true]",
        'operator = "*"',
        f"operator = [{IAGO}",
        f"operator = [{IAGO}]\noperator = [{HAMLET}]",
        "operator = {}",
        "operator = [[5]]",
        "operator",
        f"operator: [{IAGO}]",
        "operator = nobody",
        "operators = [5]",
    ),
    "[policy.routine]\nask": (
        "[policy.routine]\nasks",
        "[policy.routin]\nask",
        "[policy.routine]\nAsk",
        "[policy.everything]\nask",
        "[policy]\nask",
        "[policy.routine.extra]\nask",
        "[policy.routine]\nany = true\nask",
        "[policy.routine]\nallow_all = true\nask",
        "[policy.routine]\nself_approval = 1\nask",
        '[policy.routine]\nself_approval = "yes"\nask',
        '[policy.routine]\nyes = "true"\nask',
        "[policy.routine]\nexpires_minutes = 0\nask",
        "[policy.routine]\nexpires_minutes = 100000\nask",
        "[policy.routine]\nexpires_minutes = inf\nask",
        "[policy.routine]\narming_seconds = -1\nask",
        "[policy.routine]\narming_seconds = 99999\nask",
        "[policy.read]\nask",
        "[policy.destructive]\nyes = true\n[policy.routine]\nask",
        "[policy.disruptive]\nyes = true\n[policy.routine]\nask",
    ),
    'approve = ["approver"]': (
        'approve = ["approvers"]',
        'approve = ["*"]',
        'approve = ["everyone"]',
        'approve = [""]',
        'approve = "approver"',
        "approve = [6]",
        "approve = approver",
        "approve = true",
        'approve = ["approver", "nobody"]',
        'aprove = ["approver"]',
        'approve = ["approver"',
        'approve = [["approver"]]',
    ),
    "people = 1": ("people = 0", "people = -1", 'people = "1"', "people = 1.5", "people = 11"),
    'window = ["Sat 02:00-05:00 Europe/Berlin"]': (
        'window = ["Sat"]',
        'window = ["Sat 25:00-26:00 Europe/Berlin"]',
        'window = ["always"]',
        'window = [""]',
        "window = true",
        'windows = ["Sat 02:00-05:00 Europe/Berlin"]',
    ),
}
BROKEN = [GOOD.replace(word, slip) for word, slips in SLIPS.items() for slip in slips]
LEAST = 60
GARBAGE = (b"\0" * 100, b"\xff\xfe\x00", GOOD.encode()[:28], b"\x1f\x8b")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zulip-ops.toml"
    path.write_text(GOOD)
    path.chmod(0o640)
    return path


@pytest.fixture
def in_force(file: Path) -> Iterator[PolicyFile]:
    """The good policy; whatever happens to the file, it permits nothing afterwards."""
    held = PolicyFile(file, read_configuration(file).policy)
    assert roles_of(held.policy, IAGO) == ("operator",)
    before = held.sha256()
    yield held
    held.refresh()
    assert held.policy == Policy()
    # What waits for consent is void: it was asked for under another policy.
    assert held.sha256() != before
    for effect in Effect:
        assert effect_policy(held.policy, effect).ask == ()
        assert terms_of(held.policy, effect, IAGO).approvers <= {IAGO}


def refused(path: Path) -> str:
    """Why the bot would not start with it."""
    with pytest.raises(ConfigurationError) as error:
        read_configuration(path)
    assert error.value.reason is Reason.NOT_CONFIGURED
    assert "\n" not in error.value.message
    return f"{error.value.message} {error.value.hint or ''}".strip()


def test_there_are_enough_of_them() -> None:
    assert len(set(BROKEN)) == len(BROKEN) >= LEAST


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a48_a_slip_of_the_pen_permits_nothing(file: Path, in_force: PolicyFile, text: str) -> None:
    file.write_text(text)
    assert str(file) in refused(file)
    in_force.refresh()


@pytest.mark.parametrize("content", [b"", b"\n", b"# Nothing yet.\n", b"[policy]\n"])
def test_a48_an_empty_file_permits_nothing(
    file: Path, in_force: PolicyFile, content: bytes
) -> None:
    file.write_bytes(content)
    assert read_configuration(file).policy == Policy()
    in_force.refresh()


@pytest.mark.parametrize("number", range(4))
def test_a48_garbage_permits_nothing(file: Path, in_force: PolicyFile, number: int) -> None:
    file.write_bytes(GARBAGE[number])
    assert refused(file)
    in_force.refresh()


@pytest.mark.parametrize("mode", [0o660, 0o646, 0o666, 0o642, 0o777])
def test_a48_a_file_that_others_can_write_permits_nothing(
    file: Path, in_force: PolicyFile, mode: int
) -> None:
    file.chmod(mode)
    assert refused(file).endswith(f"Run: chmod go-w {file}")
    in_force.refresh()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a48_a_file_of_somebody_else_permits_nothing(file: Path, in_force: PolicyFile) -> None:
    os.chown(file, NOBODY, -1)
    assert refused(file).endswith(f"Run: chown root {file}")
    in_force.refresh()


def test_a48_a_file_that_is_gone_permits_nothing(file: Path, in_force: PolicyFile) -> None:
    file.unlink()
    assert "There is no configuration" in refused(file)
    in_force.refresh()


def test_a48_another_policy_is_noticed_whatever_time_the_file_pretends(file: Path) -> None:
    held = PolicyFile(file, read_configuration(file).policy)
    held.refresh()
    before = file.stat()
    with file.open("r+") as same:
        same.write(GOOD.replace(f"operator = [{IAGO}]", f"operator = [{HAMLET}]"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    held.refresh()
    assert roles_of(held.policy, IAGO) == ()
