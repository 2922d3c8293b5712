"""The fingerprint changes with everything that consent is given to, and with nothing else."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.contract import AuditHead, Plan, Precondition
from handlers.host.settings import HostSettings
from jobs.journal import RUN, Asker, CommandSource, RunSpec
from jobs.runs.fingerprint import binding, fingerprint

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
SPEC = RunSpec(
    job=12,
    attempt=1,
    mode=RUN,
    operation="upgrade",
    arguments={"version": "10.4"},
    asker=Asker("person", 11, "Iago"),
    host=HostSettings(root=Path("/sample")),
    stores=(),
    created_at=NOW,
    nonce="n" * 32,
    epoch=1,
    host_id="host",
    command=CommandSource(499, "a" * 64),
    expires_at=NOW + timedelta(hours=1),
    effect="disruptive",
)
PLAN = Plan("Upgrade to 10.4.", {"version": "10.4", "commit": "ü"}, ("Fetch",), "Go back.")


def test_it_is_the_hash_of_the_binding_as_canonical_json() -> None:
    text = (
        '{"arguments":{"version":"10.4"},"asker":{"id":11,"kind":"person","name":"Iago"},'
        '"command":{"message_id":499,"sha256":"' + "a" * 64 + '"},"commit":"\\u00fc",'
        '"effect":"disruptive","epoch":1,"expires_at":"2026-11-25T11:00:00+00:00",'
        '"host_id":"host","nonce":"' + "n" * 32 + '","operation":"upgrade","version":"10.4"}'
    )
    assert json.loads(text) == binding(SPEC, PLAN)
    assert fingerprint(SPEC, PLAN) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"operation": "rollback"},
        {"arguments": {"version": "10.5"}},
        {"arguments": {}},
        {"effect": "destructive"},
        {"effect": None},
        {"epoch": 2},
        {"host_id": "other"},
        {"asker": Asker("person", 12, "Iago")},
        {"asker": Asker("root", 11, "Iago")},
        {"command": None},
        {"command": CommandSource(498, "a" * 64)},
        {"command": CommandSource(499, "b" * 64)},
        {"nonce": "m" * 32},
        {"expires_at": None},
        {"expires_at": NOW},
    ],
)
def test_another_request_has_another_fingerprint(other: dict[str, Any]) -> None:
    assert fingerprint(replace(SPEC, **other), PLAN) != fingerprint(SPEC, PLAN)


def test_what_is_only_shown_or_judged_afresh_is_not_bound() -> None:
    told = replace(
        PLAN,
        summary="Otherwise said.",
        steps=(),
        way_back="",
        preconditions=(Precondition("space", "There is space.", holds=False),),
        estimates={"seconds": 60},
    )
    ordered = replace(SPEC, attempt=2, mode="plan", audit_head=AuditHead(1, "h"), hints={"a": 1})
    assert fingerprint(ordered, told) == fingerprint(SPEC, PLAN)


def test_a_plan_cannot_say_what_was_asked_for() -> None:
    lying = replace(PLAN, binding={"operation": "status", "nonce": "", "epoch": 9})
    assert binding(SPEC, lying) == binding(SPEC, replace(PLAN, binding={}))


def test_without_a_command_or_an_end_it_is_bound_that_there_is_none() -> None:
    bare = binding(replace(SPEC, command=None, expires_at=None), PLAN)
    assert (bare["command"], bare["expires_at"]) == (None, None)
