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
