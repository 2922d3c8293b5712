"""The card says everything that is consented to, and nothing on it can be disguised."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.contract import JSON, Effect, Plan, Precondition
from jobs.fingerprint import binding, fingerprint
from jobs.journal import Asker, CommandSource, Consent
from jobs.plan_card import plan_card
from tests.fakes import runs

SPEC = replace(
    runs.spec(Path("/srv"), operation="backup now", job=12),
    arguments={},
    expires_at=datetime(2026, 3, 1, 14, 30, tzinfo=UTC),
    command=CommandSource(7, "ab" * 32),
)
PLAN = Plan(
    summary="Take a copy of database, uploads and configuration.",
    binding={"database": "zulip", "stores": ["local", "far"]},
    steps=("Dump the database", "Verify"),
    way_back="Nothing is changed; the copy can be deleted.",
    preconditions=(
        Precondition("free_space", "There are 12 GB free, 2 GB are needed.", holds=True),
        Precondition("stores", "Each store answers.", holds=False),
    ),
    estimates={"size_bytes": 1_800_000_000, "duration_seconds": 252},
)


def card(
    effect: Effect = Effect.ROUTINE,
    plan: Plan = PLAN,
    asker: Asker | None = None,
    **changes: object,
) -> str:
    spec = replace(SPEC, asker=asker or SPEC.asker, **changes)  # type: ignore[arg-type]
    return plan_card(spec, effect, plan, fingerprint(spec, plan))


def test_the_whole_card_reads_so() -> None:
    mark = fingerprint(SPEC, PLAN)
    assert (
        card()
        == f"""\
**Backup now** · job 12 · asked by @_**Iago|11** · effect **routine**

Take a copy of database, uploads and configuration.

**Steps**
1. Dump the database
2. Verify

**Bound by your consent**
- database: `zulip`
- stores: `["local", "far"]`

**Must hold at the start**
- holds now: There are 12 GB free, 2 GB are needed.
- **does not hold**: Each store answers.

**Expected**
- size: `1.8 GB`
- duration: `4 min 12 s`

**Way back**: Nothing is changed; the copy can be deleted.

**To confirm**: ✅ on this message, by @_**Iago|11**, who asked. ❌ ends it, and so does silence. \
It waits until <time:2026-03-01T14:30:00Z>.

Plan `{mark[:12]}`, in full `{mark}`"""
    )


@pytest.mark.parametrize(
    ("effect", "consent", "said"),
    [
        (Effect.DISRUPTIVE, None, "by one other person than who asked whom the policy lists."),
        (Effect.DESTRUCTIVE, None, "by two other people than who asked whom the policy lists."),
        (Effect.DISRUPTIVE, Consent(1, ("Cordelia", "Hamlet")), "who asked: `Cordelia`, `Hamlet`."),
        (
            Effect.DESTRUCTIVE,
            Consent(2, (), arming_minutes=10),
            "It then waits 10 min, in which ❌",
        ),
        (Effect.DISRUPTIVE, Consent(1, asker_confirms=True), "by @_**Iago|11**, who asked."),
    ],
)
def test_who_may_confirm_follows_the_effect(
    effect: Effect, consent: Consent | None, said: str
) -> None:
    assert said in card(effect, consent=consent)


def test_a_read_asks_for_nothing() -> None:
    assert "confirm" not in card(Effect.READ)


@pytest.mark.parametrize(
    ("asker", "said"),
    [
        (Asker("schedule", None, "nightly"), "asked by the schedule `nightly`"),
        (Asker("root", 0, "root"), "asked by root on the host"),
        (Asker("user", 9, "x** @**all** "), "asked by `x** @**all**`"),
        (Asker("user", 9, "a`b``c"), "asked by ``` a`b``c ```"),
        (Asker("user", 9, "two\nlines`"), "asked by `` two lines` ``"),
    ],
)
def test_a_name_cannot_mention_or_break_out(asker: Asker, said: str) -> None:
    assert said in card(asker=asker)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "`plain`"),
        ("a` **bold** `b", "`` a` **bold** `b ``"),
        ("one\n\n**Way back**: two", "`one **Way back**: two`"),
        ("turned \u202e round", "`turned \ufffd round`"),
        ("", "` `"),
        (True, "`yes`"),
        (None, "`null`"),
        ("x" * 400, f"`{'x' * 300}…`"),
    ],
)
def test_text_of_the_host_stays_inside_its_code(value: JSON, shown: str) -> None:
    assert f"- found: {shown}\n" in card(plan=replace(PLAN, binding={"found": value}))


def test_arguments_are_shown() -> None:
    assert card(arguments={"version": "10.4"}).startswith("**Backup now** `10.4` · job 12")


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "restore"},
        {"arguments": {"a": 1}},
        {"epoch": 2},
        {"host_id": "another"},
        {"asker": Asker("user", 12, "Iago")},
        {"command": CommandSource(8, "ab" * 32)},
        {"nonce": "1" * 32},
        {"expires_at": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_fingerprint_covers_every_part_of_the_request(change: dict[str, object]) -> None:
    other = replace(SPEC, **change)  # type: ignore[arg-type]
    assert fingerprint(other, PLAN) != fingerprint(SPEC, PLAN)


def test_the_fingerprint_covers_the_binding_and_neither_checks_nor_estimates() -> None:
    bound = replace(PLAN, binding={"database": "other"})
    judged = replace(PLAN, preconditions=(), estimates={}, summary="", steps=())

    assert fingerprint(SPEC, bound) != fingerprint(SPEC, PLAN)
    assert fingerprint(SPEC, judged) == fingerprint(SPEC, PLAN)


def test_the_attempt_is_not_bound() -> None:
    assert fingerprint(replace(SPEC, attempt=2), PLAN) == fingerprint(SPEC, PLAN)


def test_a_plan_cannot_pretend_to_be_another_request() -> None:
    forged = replace(PLAN, binding={"operation": "status", "nonce": "mine"})

    assert binding(SPEC, forged)["operation"] == "backup now"
    assert binding(SPEC, forged)["nonce"] == SPEC.nonce
