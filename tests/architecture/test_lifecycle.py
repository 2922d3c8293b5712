"""The table of moves is whole, and its page tells the same."""

import re

import pytest

from jobs.lifecycle import ALLOWED, FINAL, OPEN, Status, may_move
from tests.architecture.tree import ROOT

PAGE = ROOT / "docs" / "job-lifecycle.md"
#: A line of the page's table: | `queued` | words | `running`, `cancelled` |
LINE = re.compile(r"^\| `(?P<status>[a-z_]+)` \|.*\|(?P<onward>[^|]*)\|$", re.MULTILINE)


def test_every_status_is_in_the_table() -> None:
    assert set(ALLOWED) == set(Status)


def test_only_final_statuses_have_no_way_out() -> None:
    assert (
        frozenset(
            {
                Status.SUCCEEDED,
                Status.FAILED,
                Status.CANCELLED,
                Status.REJECTED,
                Status.EXPIRED,
                Status.STALE,
            }
        )
        == FINAL
    )
    assert all(ALLOWED[status] for status in OPEN)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_an_end_can_be_reached_from_every_open_status(status: Status) -> None:
    reached = {status}
    while more := {onward for one in reached for onward in ALLOWED[one]} - reached:
        reached |= more
    assert reached & FINAL


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PLANNING}))
def test_every_other_status_can_be_reached_from_planning(status: Status) -> None:
    reached = {Status.PLANNING}
    while more := {onward for one in reached for onward in ALLOWED[one]} - reached:
        reached |= more
    assert status in reached


@pytest.mark.parametrize("status", sorted(Status))
def test_no_status_moves_to_itself(status: Status) -> None:
    assert not may_move(status, status)


def test_the_page_names_the_same_statuses_and_moves() -> None:
    told = {
        line["status"]: set(re.findall(r"`([a-z_]+)`", line["onward"]))
        for line in LINE.finditer(PAGE.read_text())
    }
    assert told == {str(status): set(map(str, onward)) for status, onward in ALLOWED.items()}
