"""Files and identifiers are called what the glossary calls them."""

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.tree import PACKAGES, Source, sources

VAGUE = {"base", "common", "core", "helpers", "manager", "misc", "service", "util", "utils"}
#: What Zulip's API still calls channels; said only where its words are translated or imitated.
ZULIP_NAMES = re.compile(r"(\w+_)?stream_(id|ids|name|names|topic)|subscribed_streams?")
#: As whole strings only: as names these may speak of bytes.
ZULIP_STRINGS = {"stream", "streams"}
TRANSLATORS = (
    "bot/zulip_client.py",
    "bot/zulip_api/calls.py",
    "bot/zulip_api/readership.py",
    "bot/zulip_api/words.py",
    "bot/zulip_bots_adapter.py",
    "bot/demo/",
)

modules = pytest.mark.parametrize("source", sources(*PACKAGES), ids=lambda s: s.name)


@modules
def test_name_says_what_the_module_is_for(source: Source) -> None:
    assert source.path.stem not in VAGUE, f"{source.name}: name the idea"


@modules
def test_name_is_that_of_no_standard_module_and_of_no_package_of_ours(source: Source) -> None:
    taken = (sys.stdlib_module_names | set(PACKAGES)) - {"__init__", "__main__"}
    assert source.path.stem not in taken, f"{source.name}: the name is taken"


@modules
def test_zulip_channels_are_called_channels(source: Source) -> None:
    if source.name.startswith(TRANSLATORS):
        return
    found = sorted(set(_zulip_words(source)))
    assert not found, f"{source.name}: only {TRANSLATORS} know these words: {found}"


def _zulip_words(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # What handlers and state call streams are bytes: they know nothing of Zulip.
            about_zulip = source.package in ("bot", "jobs") and node.value in ZULIP_STRINGS
            if about_zulip or ZULIP_NAMES.fullmatch(node.value):
                yield repr(node.value)
        else:
            yield from (word for word in _identifiers(node) if ZULIP_NAMES.fullmatch(word))


def _identifiers(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value
