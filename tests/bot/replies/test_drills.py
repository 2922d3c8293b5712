"""What is said of a drill: its evidence, where copies are proven, what follows from a failure."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.replies.copies import backup_shown
from bot.replies.drills import DrillBroken, DrillFailed, evidence_shown
from bot.replies.observations import proof

NOW = "2026-11-25T12:00:00+00:00"
YESTERDAY = "2026-11-24T12:00:00+00:00"

EVIDENCE: Mapping[str, Any] = {
    "outcome": "proven",
    "form": "quick",
    "store": "local",
    "checked": ["All 7 migrations are those of the commit record."],
    "not_checked": ["Zulip itself was not started on it."],
    "warnings": ["A drill that died had left /d/1a2b3c4d; it is removed."],
    "rto_seconds": 41.2,
    "rpo_seconds": 28800.0,
    "copy_of": "2026-11-25T02:00:00+00:00",
    "seconds": {"prepare": 1.2, "fetch": 5.1, "restore": 36.1},
    "facts": {"newest_message": {"id": 3, "at": "2026-11-25T01:58:00+00:00"}},
    "trend": {"rto_seconds": [40.0, 38.0], "seconds": {"fetch": 5.0, "restore": 20.0}},
}


def test_the_evidence_says_what_was_proven_and_what_not() -> None:
    assert evidence_shown(EVIDENCE, "ops").splitlines() == [
        "- ✔ All 7 migrations are those of the commit record.",
        "- **Database back after** 41 s (before, newest first: 40 s and 38 s)",
        "- Times: 1.2 s to make a PostgreSQL, 5.1 s to fetch the dump and 36 s to restore it"
        " (**slower**, usually 20 s)",
        "- **Would be lost**: what came after <time:2026-11-25T02:00:00Z>, which was 8 h before the"
        " drill; the newest message in it is of <time:2026-11-25T01:58:00Z>",
        "- Not checked: Zulip itself was not started on it.",
        "- **Mind**: A drill that died had left /d/1a2b3c4d; it is removed.",
    ]


def test_a_first_drill_has_nothing_to_be_held_to() -> None:
    first = {**EVIDENCE, "trend": {"rto_seconds": [], "seconds": {}}}

    said = evidence_shown(first, "ops")

    assert (
        "**Database back after** 41 s; it is the first quick drill in local that got so far" in said
    )
    assert "slower" not in said


def test_a_drill_that_failed_early_shows_only_what_it_found() -> None:
    failed = {**EVIDENCE, "outcome": "refuted", "checked": [], "rto_seconds": None, "seconds": {}}
    failed |= {"facts": {}, "not_checked": [], "warnings": []}

    assert evidence_shown(failed, "ops").splitlines() == [
        "- **Would be lost**: what came after <time:2026-11-25T02:00:00Z>, which was 8 h before the"
        " drill"
    ]
    assert evidence_shown({**failed, "checked": ["It is."]}, "ops").startswith(
        "Found before it failed:\n- ✔ It is.\n"
    )


@pytest.mark.parametrize(
    ("stores", "said"),
    [
        ([{"name": "local"}], "unproven"),
        ([{"name": "local", "proven_at": None, "refuted_at": None}], "unproven"),
        ([{"name": "local", "proven_at": YESTERDAY}], "proven in local 1 day ago"),
        (
            [{"name": "local", "refuted_at": YESTERDAY}, {"name": "s3", "proven_at": YESTERDAY}],
            "proven in s3 1 day ago, **a drill failed** in local 1 day ago",
        ),
        # It failed once, and has passed since.
        (
            [{"name": "local", "proven_at": YESTERDAY, "refuted_at": "2026-11-23T12:00:00+00:00"}],
            "proven in local 1 day ago",
        ),
    ],
)
def test_where_a_copy_is_proven_is_told_with_its_age(
    stores: list[dict[str, Any]], said: str
) -> None:
    assert proof(stores, NOW) == said


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"proven": False, "proven_at": None, "refuted_at": None}, "; unproven, no drill has"),
        ({"proven": True, "proven_at": NOW, "refuted_at": None}, "; **proven**, a drill restored"),
        (
            {"proven": False, "proven_at": YESTERDAY, "refuted_at": NOW},
            "; **unproven**, a drill could not restore it <time:2026-11-25T12:00:00Z>",
        ),
        # Found damaged after it was proven.
        (
            {"proven": False, "proven_at": YESTERDAY, "refuted_at": None},
            "; **unproven** since, though a drill restored it <time:2026-11-24T12:00:00Z>",
        ),
    ],
)
def test_one_copy_shown_whole_says_whether_it_is_proven(
    standing: dict[str, Any], said: str
) -> None:
    place = {"name": "local", "place": "/b", "damaged_at": None, "compared_at": None}
    shown = {
        "id": "x",
        "created_at": NOW,
        "job": 1,
        "seconds": 2.0,
        "unreadable": [],
        "stores": [{**place, "verified_at": YESTERDAY, **standing}],
        "zulip": None,
        "postgresql": None,
        "system": None,
        "dump_bytes": 1,
        "left_out": [],
        "stored_bytes": 1,
        "objects": 4,
        "sealed_to": [],
        "uploads": {"files": 0, "bytes": 0, "new_files": 0, "earlier_copies": 0},
    }

    assert said in backup_shown(shown, "ops")


def test_a_failed_drill_says_what_to_do() -> None:
    told = DrillFailed("ops", 3, 12, "20261125T020000Z-0123abcd", "local", "It is cut short.")

    assert told.text() == (
        "**Incident #3, critical.** The drill of job #12 failed: copy"
        " `20261125T020000Z-0123abcd` in local is unproven. It is cut short.\n"
        "Take a new backup (`@ops backup now`) and drill it (`@ops drill`); `@ops log 12` has the"
        " output. Once that is looked after:"
        ' `@ops incident 3 close --reason "what was done about it"`.'
    )


def test_a_broken_drill_takes_the_proof_from_every_copy() -> None:
    told = DrillBroken("ops", 3, 12, "The drill itself is broken.").text()

    assert "The drill itself is broken. Until that is mended rely on no copy as proven" in told
    assert "`@ops log 12`" in told
