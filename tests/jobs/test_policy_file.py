"""The policy in force is the file's, and a file that cannot be read permits nothing."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.configuration import EffectPolicy, Policy
from jobs.consent_terms import policy_sha256
from jobs.policy_file import PolicyFile

OPERATORS = Policy({"operator": (11,)}, routine=EffectPolicy(ask=("operator",)))
TEXT = '[policy.roles]\noperator = [11]\n\n[policy.routine]\nask = ["operator"]\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "zulip-ops.toml"
    path.write_text(TEXT)
    return path


def test_the_file_is_read_at_the_first_question(path: Path) -> None:
    """Between the start of the bot and the first question it may have been changed."""
    file = PolicyFile(path, Policy())
    assert file.sha256() == policy_sha256(OPERATORS)
    assert file.policy == OPERATORS


def test_a_change_counts_at_the_next_question(path: Path) -> None:
    file = PolicyFile(path, OPERATORS)
    assert file.sha256() == policy_sha256(OPERATORS)

    path.write_text(TEXT.replace("11", "11, 12"))

    more = replace(OPERATORS, roles={"operator": (11, 12)})
    assert file.sha256() == policy_sha256(more)
    assert file.policy == more


@pytest.mark.parametrize("stays", ["inode", "size", "mtime"])
def test_a_change_is_seen_even_when_two_of_its_marks_stay(path: Path, stays: str) -> None:
    file = PolicyFile(path, OPERATORS)
    file.refresh()
    before = path.stat()
    text = TEXT.replace("11", "12")

    if stays == "inode":
        path.write_text(text)
    else:
        new = path.with_suffix(".new")
        new.write_text(text if stays == "size" else f"{text}\n")
        new.rename(path)
    if stays == "mtime":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    file.refresh()

    assert file.policy.roles == {"operator": (12,)}


def test_a_file_that_stays_is_not_read_again(path: Path) -> None:
    file = PolicyFile(path, OPERATORS)
    file.refresh()
    kept = file.policy

    file.refresh()

    assert file.policy is kept


def test_a_change_is_seen_whatever_time_the_file_is_given(path: Path) -> None:
    """As many bytes at the same place: only when it was changed in truth tells."""
    file = PolicyFile(path, OPERATORS)
    file.refresh()
    before = path.stat()
    with path.open("r+") as text:
        text.write(TEXT.replace("11", "12"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    file.refresh()

    assert file.policy.roles == {"operator": (12,)}


def test_a_broken_file_permits_nobody_anything(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PolicyFile(path, OPERATORS)
    file.refresh()
    path.write_text("[policy")

    with caplog.at_level(logging.ERROR):
        assert file.sha256() == policy_sha256(Policy())

    assert file.policy == Policy()
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert record.getMessage().endswith(" Until it is mended nobody is permitted anything.")


def test_a_file_that_went_away_permits_nobody_anything_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PolicyFile(path, OPERATORS)
    file.refresh()
    path.unlink()

    with caplog.at_level(logging.ERROR):
        file.refresh()
        file.refresh()

    assert file.policy == Policy()
    assert len(caplog.records) == 1


def test_a_file_that_was_mended_permits_again(path: Path) -> None:
    path.unlink()
    file = PolicyFile(path, OPERATORS)
    assert file.sha256() == policy_sha256(Policy())

    path.write_text(TEXT)

    assert file.sha256() == policy_sha256(OPERATORS)


def test_before_it_is_looked_at_it_is_what_was_handed_in(path: Path) -> None:
    assert PolicyFile(path, OPERATORS).policy == OPERATORS


class Unread(PolicyFile):
    """One whose file nobody reads."""

    def refresh(self) -> None:
        """Nothing to read."""


def test_the_fingerprint_of_what_was_handed_in_is_known_without_the_file(path: Path) -> None:
    assert Unread(path, OPERATORS).sha256() == policy_sha256(OPERATORS)
