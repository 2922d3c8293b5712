"""Arguments that are made to be options, commands of a shell, paths or templates."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from bot.commands.registry import verbs
from bot.grammar import Grammar
from bot.understanding.keeping import with_moment
from handlers.contract import Declaration
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.local_store import LocalStore
from handlers.registry import DECLARATIONS, RELEASE_PATTERN
from tests.architecture.tree import PACKAGES, sources

GRAMMAR = Grammar(verbs(), names={"store": ["local"]})

#: What `upgrade-zulip-from-git` and its kin would take, and what other tools have fallen for.
OPTIONS = (
    "--remote-url=https://evil.example/x.git",
    "--remote-url https://evil.example/x.git",
    "--local-ref",
    "--local-ref=evil",
    "--skip-puppet",
    "--skip-checks",
    "--no-headline",
    "--audit-fts-indexes",
    "--config=/tmp/x",
    "--to=--config=/tmp/x",
    "-x",
    "-",
    "--",
    "-- --remote-url=x",
    "-c core.sshCommand=sh",
    "--upload-pack=sh",
    "--rsh=sh",
    "@/etc/passwd",
    "../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
)
SHELL = (
    "; touch {}",
    "&& touch {}",
    "| touch {}",
    "|| touch {}",
    "$(touch {})",
    "`touch {}`",
    "> {}",
    "< /etc/passwd > {}",
    "${{IFS}}touch${{IFS}}{}",
    "'; touch {} #",
    '"; touch {} #',
    "\\; touch {}",
    "!touch {}",
    "%0atouch {}",
    "{{touch,{}}}",
    "--to=$(touch {})",
    "--to='; touch {}'",
    "9.4;touch {}",
    "9.4$(touch {})",
    "9.4 && touch {}",
)


#: Why the texts below were refused, over all tests.
REFUSED_FOR: set[Reason] = set()


def injections(pieces: tuple[str, ...]) -> Iterator[str]:
    """Each piece behind, before and inside of every command that becomes a run."""
    for one in DECLARATIONS:
        for piece in pieces:
            yield f"{one.example} {piece}"
            yield f"{one.name} {piece}"
            yield f"{piece} {one.example}"
            yield f"{one.example}{piece}"


def would_run(text: str) -> list[str]:
    """The words that a run would be given, if there were to be one."""
    try:
        parsed = with_moment(GRAMMAR.parse(text), datetime.now(UTC), ZoneInfo("UTC"))
    except BadCommand as error:
        REFUSED_FOR.add(error.reason)
        return []
    if parsed.help_wanted or not isinstance(parsed.verb, Declaration):
        return []
    return [value for value in parsed.arguments.values() if isinstance(value, str)]


def test_a24_no_argument_becomes_an_option() -> None:
    texts = [text for text in injections(OPTIONS) for text in (text, text.upper())]
    assert len(set(texts)) >= 500
    words = [word for text in texts for word in would_run(text)]
    expected = {Reason.BAD_ARGUMENT, Reason.UNKNOWN_VERB, Reason.UNREADABLE_TEXT}
    assert expected >= REFUSED_FOR >= {Reason.BAD_ARGUMENT}
    assert [word for word in words if not word[0].isalnum() and word[0] != "*"] == []


def test_a24_the_version_is_all_that_an_upgrade_is_told() -> None:
    for text in injections(OPTIONS + SHELL):
        if text.startswith("upgrade"):
            assert all(re.fullmatch(RELEASE_PATTERN, word) for word in would_run(text))


def test_a25_no_sign_of_the_shell_reaches_a_run() -> None:
    texts = list(injections(tuple(one.format("/tmp/pwned") for one in SHELL)))
    assert len(set(texts)) >= 300
    assert [word for text in texts for word in would_run(text) if "pwned" in word] == []


def test_a25_nothing_is_ever_handed_to_a_shell() -> None:
    """The demo is no part of what runs on a server."""
    for source in sources(*PACKAGES):
        if not source.name.startswith("bot/demo/"):
            assert list(shells(source.tree)) == [], source.name


def shells(tree: ast.AST) -> Iterator[str]:
    """Every place that could start one."""
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Tuple | ast.List) else ""
        is_shell = re.match(r"""[(\[]'(/\w+)*/?(ba|da|)sh', '-""", text)
        if is_shell or text in {"os.system", "os.popen"}:
            yield text
        if isinstance(node, ast.keyword) and node.arg == "shell":
            yield "shell="


@pytest.mark.parametrize(
    "line",
    ['run(("/bin/sh", "-c", x))', 'run(["bash", "-lc", x])', "os.system(x)", "f(shell=True)"],
)
def test_a25_such_a_place_would_be_found(line: str) -> None:
    assert list(shells(ast.parse(line)))


#: What a key or a name would have to hold to lead elsewhere, and plain parts between.
PARTS = (
    "..",
    ".",
    "",
    "a",
    "snapshot",
    "%2e%2e",
    "..%2f",
    "~",
    "\x00",
    "\\..",
    "C:",
    "a\n",
    ".git",
)


def test_a26_no_key_leads_out_of_a_store(tmp_path: Path) -> None:
    root = tmp_path / "copies"
    store, random = LocalStore("disk", root), Random(26)
    keys = {"/".join(random.choices(PARTS, k=random.randrange(1, 6))) for _ in range(400)}
    hostile = {key for key in keys if not set(key.split("/")) <= {"a", "snapshot"}}
    assert len(hostile) >= 100
    for key in hostile:
        for use in (store.get, store.delete, store.exists, lambda key: store.put(key, b"x")):
            with pytest.raises(HostFailure) as refused:
                use(key)
            assert refused.value.reason is Reason.STORE_FAILED
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("name", ["../../etc", "/etc/zulip", "local/../..", "local\x00", "..", "~"])
def test_a26_no_store_is_named_by_a_path(name: str) -> None:
    with pytest.raises(BadCommand) as refused:
        GRAMMAR.parse(f"backup now --to {name}")
    assert refused.value.reason in {Reason.BAD_ARGUMENT, Reason.UNREADABLE_TEXT}


def test_a27_no_reply_is_made_by_formatting_what_somebody_wrote() -> None:
    for source in sources("bot/replies", "jobs"):
        calls = [n for n in ast.walk(source.tree) if isinstance(n, ast.Call)]
        named = [n.func.attr for n in calls if isinstance(n.func, ast.Attribute)]
        assert not {"format_map", "safe_substitute"} & set(named), source.name
        assert "format" not in named, f"{source.name}: an f-string evaluates nothing of its values"
