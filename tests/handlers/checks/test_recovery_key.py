"""The check of the recovery keys warns until somebody has shown them, and again after a month."""

from dataclasses import replace
from datetime import timedelta

from handlers.backups.custody import proofs
from handlers.checks.contract import Context, Level
from handlers.checks.recovery_key import observe
from handlers.host.age import Identity, key_id
from handlers.host.settings import KeySettings
from tests.handlers.checks.conftest import NOW

KEY = Identity.generate().recipient


def sealed(context: Context) -> Context:
    return replace(context, keys=KeySettings((KEY,)))


def test_without_sealed_copies_nothing_is_to_be_held(context: Context) -> None:
    assert observe(context).level is Level.OK


def test_a_key_that_nobody_has_shown_is_warned_of(context: Context) -> None:
    found = observe(sealed(context))

    assert found.level is Level.WARNING
    assert found.sentence == f"Nobody has shown yet that the recovery key `{key_id(KEY)}` is held."
    assert found.hint is not None
    assert "`backup key check`" in found.hint


def test_it_says_who_held_it_last_and_when(context: Context) -> None:
    shown_at = NOW - timedelta(days=3)
    proofs.prove(context.state_directory, key_id(KEY), "Iago", shown_at)

    found = observe(sealed(context))

    assert found.level is Level.OK
    assert found.sentence == (
        f"The recovery key `{key_id(KEY)}` was last shown to be held on 2026-11-20, by Iago."
    )


def test_after_a_month_it_is_due_again(context: Context) -> None:
    proofs.prove(context.state_directory, key_id(KEY), "Iago", NOW - timedelta(days=32))

    found = observe(sealed(context))

    assert found.level is Level.WARNING
    assert "That is more than 31 days ago." in found.sentence
