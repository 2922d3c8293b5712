"""The card says everything that is consented to, and nothing on it can be disguised."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sending.message_text import LONGEST_TEXT, fit
from handlers.contract import JSON, Effect, Plan, Precondition
from handlers.errors import Refused
from jobs.journal import Asker, CommandSource, Consent
from jobs.plan_card import LONGEST_CARD, MOST_NAMED, plan_card
from jobs.runs.fingerprint import binding, fingerprint
from tests.fakes import runs

SPEC = replace(
    runs.spec(Path("/srv"), operation="backup now", job=12),
    arguments={},
    expires_at=datetime(2026, 3, 1, 14, 30, tzinfo=UTC),
    command=CommandSource(7, "ab" * 32),
)
PLAN = Plan(
    summary="Take a copy of database, uploads and configuration.",
    binding={
        "operation": "backup now",
        "copies_to": {"local": "/var/backups", "far": "s3://far"},
        "zulip_version": "10.4",
        "database": "zulip",
        "pages": [1, 2],
    },
    steps=("Dump the database", "Verify"),
    way_back="Nothing is changed; the copy can be deleted.",
    preconditions=(
        Precondition("free_space", "There are 12 GB free, 2 GB are needed.", holds=True),
        Precondition("stores", "Each store answers.", holds=False),
    ),
    estimates={"size_bytes": 1_800_000_000, "duration_seconds": 252, "last_runs": []},
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
**Job #12: backup now** · asked by @_**Iago|11** · **routine**

Take a copy of database, uploads and configuration.

**To confirm**: @_**Iago|11** reacts with ✅ to this message, before <time:2026-03-01T14:30:00Z>. \
❌, or no reaction until then, cancels it.

**What you agree to**
- Zulip version: `10.4`, database: `zulip`, pages: `1`, `2`
- copies to **local**: `/var/backups`
- copies to **far**: `s3://far`

**Steps**
1. Dump the database
2. Verify

**Checked now, and again before it starts**
- ✔ There are 12 GB free, 2 GB are needed.
- ✘ **not met**: Each store answers.

**Estimates**
- size: `1.8 GB`
- duration: `4 min 12 s`

**Way back**: Nothing is changed; the copy can be deleted.

Plan `{mark}`, for short its first 12 characters."""
    )


def test_a_long_bound_value_has_a_line_of_its_own() -> None:
    digest = "a9" * 32
    bound = card(
        plan=replace(PLAN, binding={"to_version": "1.4", "sha256": digest, "database": "z"})
    )
    assert f"- to version: `1.4`, database: `z`\n- sha256: `{digest}`\n" in bound


@pytest.mark.parametrize(
    ("effect", "consent", "said"),
    [
        (
            Effect.DISRUPTIVE,
            None,
            "one person whom the policy lists, other than @_**Iago|11**, reacts with ✅",
        ),
        (
            Effect.DESTRUCTIVE,
            None,
            "two people whom the policy lists, other than @_**Iago|11**, react with ✅",
        ),
        (
            Effect.DISRUPTIVE,
            Consent(1, (7, 8, 11)),
            "**To approve**: one of @**|7**, @**|8** reacts with ✅ to this message, or with "
            "`approve 12`, before",
        ),
        (
            Effect.DISRUPTIVE,
            Consent(1, (7,)),
            "**To approve**: @**|7** reacts with ✅ to this message",
        ),
        (
            Effect.DISRUPTIVE,
            Consent(1, (7, 11), asker_counts=True),
            "**To approve**: one of @**|7**, @_**Iago|11** reacts with ✅",
        ),
        (
            Effect.DESTRUCTIVE,
            Consent(2, (7, 8, 11), arming_seconds=60),
            "each of @**|7**, @**|8** react with ✅",
        ),
        (
            Effect.DESTRUCTIVE,
            Consent(2, (), arming_seconds=600),
            "or fewer reactions until then, cancels it. After the last ✅ it waits 10 min, in",
        ),
        (
            Effect.DISRUPTIVE,
            Consent(1, asker_confirms=True),
            "**To confirm**: @_**Iago|11** reacts with ✅",
        ),
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
        (None, "`not known`"),
        ("x" * 400, f"`{'x' * 300}…`"),
    ],
)
def test_text_of_the_host_stays_inside_its_code(value: JSON, shown: str) -> None:
    assert f"- found: {shown}\n" in card(plan=replace(PLAN, binding={"found": value}))


def test_arguments_are_shown() -> None:
    shown = card(arguments={"version": "10.4", "drill": True, "slow": False})
    assert shown.startswith("**Job #12: backup now** · version: `10.4` · drill: `yes` · asked by")


def test_a_name_in_a_table_cannot_break_out_either() -> None:
    shown = card(plan=replace(PLAN, binding={"to": {"a** @**all**": "x"}}))
    assert "- to `a** @**all**`: `x`\n" in shown


def test_a_card_that_zulip_would_not_hold_whole_is_refused() -> None:
    table: dict[str, JSON] = {f"store-{number}": "x" * 290 for number in range(40)}
    with pytest.raises(Refused, match="The plan is too long to be shown whole"):
        card(plan=replace(PLAN, binding={"copies_to": table}))


def test_of_many_people_some_are_named_and_the_others_are_counted() -> None:
    people = tuple(range(100, 600))
    shown = card(Effect.DISRUPTIVE, consent=Consent(needed=1, people=people))
    assert len(shown) < LONGEST_CARD
    assert "one of @**|100**, @**|101**, " in shown
    assert shown.count("@**|") == MOST_NAMED
    assert (
        "@**|119** and 480 others, whom `policy` lists, reacts with ✅ to this message, or with "
        "`approve 12`" in shown
    )
    each = card(Effect.DISRUPTIVE, consent=Consent(needed=500, people=people))
    assert "each of @**|100**, " in each


@given(
    steps=st.lists(st.text("abc ", min_size=1, max_size=400), max_size=60),
    met=st.integers(0, 200),
    facts=st.dictionaries(
        st.text("abcdef", min_size=1, max_size=9),
        st.text(max_size=400) | st.lists(st.integers(), max_size=900),
        max_size=90,
    ),
)
def test_a_long_plan_is_cut_to_one_message_that_has_its_end_and_all_that_is_bound(
    steps: list[str], met: int, facts: dict[str, JSON]
) -> None:
    checks = [Precondition(f"p{n}", f"Check {n} holds.", holds=True) for n in range(met)]
    unmet = Precondition("last", "There is no room.", holds=False)
    long = replace(PLAN, steps=tuple(steps), preconditions=(*checks, unmet), estimates=facts)
    shown = card(plan=long)
    assert len(shown) <= LONGEST_CARD
    assert fit(shown) == shown
    mark = fingerprint(SPEC, long)
    assert shown.endswith(f"\n\nPlan `{mark}`, for short its first 12 characters.")
    assert "**To confirm**: @_**Iago|11** reacts with ✅ to this message, before <time:" in shown
    assert "**Way back**: Nothing is changed; the copy can be deleted." in shown
    assert "- ✘ **not met**: There is no room." in shown
    for bound in ("- copies to **local**: `/var/backups`", "- copies to **far**: `s3://far`"):
        assert bound in shown


def test_what_is_cut_is_counted() -> None:
    long = replace(
        PLAN,
        steps=tuple(f"Copy table {n} {'x' * 100}" for n in range(200)),
        preconditions=tuple(Precondition(f"p{n}", f"{n}.", holds=True) for n in range(50)),
        estimates={"tables": [f"table {n}" for n in range(100)]},
    )
    shown = card(plan=long)
    assert "30. Copy table 29 " in shown
    assert "\n- … and 170 more\n" in shown
    assert "\n- … and 20 more, all met\n" in shown
    assert "`table 29` and 70 more" in shown


def test_the_longest_card_is_sent_whole() -> None:
    assert LONGEST_CARD <= LONGEST_TEXT
    longest = replace(PLAN, summary="")
    room = LONGEST_CARD - len(card(plan=longest)) - 2
    shown = card(plan=replace(longest, summary="x" * room))
    assert len(shown) == LONGEST_CARD
    assert fit(shown) == shown


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
