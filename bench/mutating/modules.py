"""The modules that decide, each with the tests that have to notice any change of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deciding:
    """One module; all paths are below the checkout."""

    path: str
    tests: tuple[str, ...]


_GRAMMAR = "tests/bot/test_grammar.py"
_UNDERSTANDING = "tests/bot/understanding"
_DECIDING = "tests/bot/deciding"
_RETENTION = "handlers/backups/retention"

MODULES = (
    # Grammar: what is a command at all, and which.
    Deciding("bot/understanding/gate.py", (f"{_UNDERSTANDING}/test_gate.py",)),
    Deciding("bot/understanding/tokens.py", (f"{_UNDERSTANDING}/test_tokens.py",)),
    Deciding("bot/understanding/moments.py", (f"{_UNDERSTANDING}/test_moments.py",)),
    Deciding("bot/understanding/suggestions.py", (f"{_UNDERSTANDING}/test_suggestions.py",)),
    Deciding("bot/understanding/inner_command.py", (f"{_UNDERSTANDING}/test_inner_command.py",)),
    Deciding("bot/grammar.py", (_GRAMMAR,)),
    # Permissions: who may ask for it, where, and how often.
    Deciding("bot/permissions.py", ("tests/bot/test_permissions.py",)),
    Deciding("bot/deciding/refusing.py", (f"{_DECIDING}/test_refusing.py",)),
    Deciding("bot/deciding/askers.py", (f"{_DECIDING}/test_askers.py",)),
    Deciding("bot/deciding/quota.py", (f"{_DECIDING}/test_quota.py",)),
    # Approvals: whose consent it needs, whether that is there, and from when on it may start.
    Deciding("jobs/consent_terms.py", ("tests/jobs/test_consent_terms.py",)),
    Deciding("jobs/consent_rules.py", ("tests/jobs/test_consent_rules.py",)),
    Deciding("jobs/approvals.py", ("tests/jobs/test_approvals.py",)),
    Deciding("jobs/policy_file.py", ("tests/jobs/test_policy_file.py",)),
    Deciding("jobs/windows.py", ("tests/jobs/test_windows.py",)),
    Deciding("jobs/waiting.py", ("tests/jobs/test_waiting.py",)),
    Deciding("jobs/lifecycle.py", ("tests/architecture/test_lifecycle.py",)),
    Deciding("bot/deciding/looking.py", (f"{_DECIDING}/test_looking.py",)),
    Deciding("bot/deciding/tallying.py", (f"{_DECIDING}/test_tallying.py",)),
    Deciding("bot/deciding/consenting.py", (f"{_DECIDING}/test_consenting.py",)),
    # Warrant: what binds a run, or a schedule, to exactly what was consented to.
    Deciding("jobs/runs/fingerprint.py", ("tests/jobs/runs/test_fingerprint.py",)),
    Deciding(
        "jobs/launching/grant.py",
        ("tests/jobs/launching/test_grant.py", "tests/jobs/launching/test_grant_ledger.py"),
    ),
    Deciding("jobs/launching/grant_ledger.py", ("tests/jobs/launching/test_grant_ledger.py",)),
    # Retention: which copies may go, and until when one is kept.
    Deciding(f"{_RETENTION}/model.py", (f"tests/{_RETENTION}/test_model.py",)),
    Deciding(f"{_RETENTION}/objections.py", (f"tests/{_RETENTION}/test_objections.py",)),
    Deciding("bot/understanding/keeping.py", (f"{_UNDERSTANDING}/test_keeping.py",)),
    # Redaction: what of the host's words may leave it.
    Deciding("handlers/host/redaction.py", ("tests/handlers/host/test_redaction.py",)),
)

#: Which tests are run, as options of pytest: examples alone. What is drawn by lot would come to
#: something else each time and is slow, and so is one that tries ten thousand; and what is changed
#: for a trial is slower than the tests that look at the clock allow.
OPTIONS = (
    *("-p", "no:randomly", "-p", "no:cacheprovider"),
    *("-m", "not hypothesis"),
    *("-k", "not megabyte_costs and not megabytes_a_second and not other_characters_never_pass"),
)
