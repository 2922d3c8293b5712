"""What was granted to schedules is kept whole, and a damaged ledger is no empty one."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.launcher import LauncherUnavailable
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GrantLedger

GRANT = Grant(
    schedule="nightly",
    command="backup now",
    cron="0 2 * * *",
    tz="Europe/Berlin",
    policy_sha256="0" * 64,
    epoch=1,
    message_id=4711,
)
OTHERS: dict[str, Any] = {
    "schedule": "weekly",
    "command": "backup now --store far",
    "cron": "0 3 * * *",
    "tz": "UTC",
    "policy_sha256": "1" * 64,
    "epoch": 2,
    "message_id": 4712,
}


@pytest.fixture
def ledger(tmp_path: Path) -> GrantLedger:
    return GrantLedger(tmp_path / "state/grants.json")


@pytest.mark.parametrize("field", list(OTHERS))
def test_a_grant_that_differs_in_anything_has_another_mark(field: str) -> None:
    assert set(OTHERS) == set(Grant.__slots__)
    assert replace(GRANT, **{field: OTHERS[field]}).mark != GRANT.mark


def test_a_later_grant_takes_the_place_of_the_earlier(ledger: GrantLedger) -> None:
    ledger.grant(GRANT)
    ledger.grant(replace(GRANT, schedule="weekly"))
    later = replace(GRANT, cron="0 3 * * *")

    assert ledger.grant(later) == later.mark
    assert ledger.grants() == {"nightly": later, "weekly": replace(GRANT, schedule="weekly")}


def test_it_is_readable_by_its_owner_alone_and_found_again(ledger: GrantLedger) -> None:
    ledger.grant(GRANT)

    assert ledger.file.stat().st_mode & 0o777 == 0o600
    assert GrantLedger(ledger.file).grants() == {"nightly": GRANT}
    assert not ledger.revoke("weekly")
    assert ledger.revoke("nightly")
    assert GrantLedger(ledger.file).grants() == {}


def test_many_changes_at_once_lose_none(ledger: GrantLedger) -> None:
    names = [f"schedule-{number}" for number in range(20)]
    threads = [
        threading.Thread(target=ledger.grant, args=(replace(GRANT, schedule=name),))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(ledger.grants()) == set(names)


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"version": 9, "grants": []}', '{"version": 1, "grants": [{}]}']
)
def test_a_damaged_ledger_is_told_and_left_as_it_is(ledger: GrantLedger, damaged: str) -> None:
    ledger.file.parent.mkdir()
    ledger.file.write_text(damaged)

    with pytest.raises(LauncherUnavailable, match=r"grants\.json cannot be used"):
        ledger.grant(GRANT)
    with pytest.raises(LauncherUnavailable):
        ledger.revoke("nightly")
    assert ledger.file.read_text() == damaged


def test_a_crash_while_it_is_written_leaves_the_ledger_before(ledger: GrantLedger) -> None:
    ledger.grant(GRANT)
    ledger.file.with_suffix(".new").write_text(json.dumps({"version": 1, "grants": "half"})[:9])

    assert ledger.grants() == {"nightly": GRANT}
    ledger.grant(replace(GRANT, schedule="weekly"))
    assert set(ledger.grants()) == {"nightly", "weekly"}


def test_without_its_folder_nothing_is_granted(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ledger = GrantLedger(tmp_path / "state/grants.json")

    for change in (lambda: ledger.grant(GRANT), lambda: ledger.revoke("nightly")):
        with pytest.raises(LauncherUnavailable) as caught:
            change()
        assert str(ledger.file) in str(caught.value)


def test_the_new_file_is_no_link_to_another(ledger: GrantLedger, tmp_path: Path) -> None:
    """Whoever could put one there would have root write where they like."""
    ledger.grant(GRANT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    ledger.file.with_suffix(".new").symlink_to(elsewhere)

    with pytest.raises(LauncherUnavailable) as caught:
        ledger.grant(replace(GRANT, schedule="weekly"))

    assert str(caught.value) == (
        f"The grants in {ledger.file} cannot be used: Too many levels of symbolic links."
    )
    assert elsewhere.read_text() == "precious"
    assert ledger.grants() == {"nightly": GRANT}


def test_why_a_damaged_ledger_cannot_be_used_is_told(ledger: GrantLedger) -> None:
    ledger.file.parent.mkdir()
    ledger.file.write_text('{"version": 1, "grants": [{"more": 1}]}')
    with pytest.raises(LauncherUnavailable) as caught:
        ledger.grants()
    start = f"The grants in {ledger.file} cannot be used: "
    assert str(caught.value).startswith(f"{start}a grant has ")

    ledger.file.write_text("{")
    with pytest.raises(LauncherUnavailable) as caught:
        ledger.grants()
    assert str(caught.value).startswith(f"{start}grants.json")


def test_it_is_written_for_people_to_read_and_in_order(ledger: GrantLedger) -> None:
    weekly = replace(GRANT, schedule="weekly")
    ledger.grant(weekly)
    ledger.grant(GRANT)

    record = {"version": 1, "grants": [GRANT.to_json(), weekly.to_json()]}
    assert ledger.file.read_text() == json.dumps(record, indent=1) + "\n"
    assert ledger.file.parent.stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in ledger.file.parent.iterdir()) == ["grants.json"]


def test_nothing_is_written_when_nothing_is_revoked(ledger: GrantLedger) -> None:
    assert not ledger.revoke("nightly")
    assert not ledger.file.exists()


def test_the_same_grant_again_is_written_once(ledger: GrantLedger) -> None:
    ledger.grant(GRANT)
    before = ledger.file.stat()
    assert ledger.grant(GRANT) == GRANT.mark
    assert ledger.file.stat().st_ino == before.st_ino
