"""Texts that are made to be taken for something else, where pure functions decide about them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest

from bot.commands.registry import verbs
from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.realm import Realm
from bot.demo.zulip.model.rendering import render
from bot.grammar import Grammar
from bot.replies.wording import code, fence
from bot.understanding.gate import NOT_FOR_US, Addressed, Gate, IncomingMessage, Refusal
from handlers.errors import BadCommand, Reason
from handlers.registry import DECLARATIONS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT, IAGO, OPS = 17, 11, 4
GATE = Gate(bot_id=BOT, bot_name="ops", ops_channel_id=OPS, realm="")
GRAMMAR = Grammar(verbs(), names={"store": ["local"]})

#: Ways in which people show a command to each other.
SHOWN = (
    "> {}",
    "> > {}",
    " > {}",
    ">{}",
    "```\n{}\n```",
    "````\n{}\n````",
    "```quote\n{}\n```",
    "```text\n{}\n```",
    "```spoiler Open me\n{}\n```",
    "~~~\n{}\n~~~",
    "    {}",
    "\t{}",
    "`{}`",
    "`` {} ``",
    "- {}",
    "* {}",
    "1. {}",
    "# {}",
    "| {} |\n|---|",
    "**{}**",
    "*{}*",
    "~~{}~~",
    "$${}$$",
    "({})",
    '"{}"',
    "[{}](https://example.com)",
    "\\{}",
    "/me {}",
    "/poll {}",
    "Type this: {}",
    "Type this:\n{}",
    "Type this:\n\n{}",
    "@_**Iago|11** [said](#narrow/near/1):\n```quote\n{}\n```",
    "<!-- -->{}",
    "\u200b{}",
    "\u202e{}",
    "\ufeff{}",
)
COMMANDS = (
    "@**ops** backup now --yes",
    "@**ops|17** backup now --yes",
    "@**|17** upgrade 9.4",
    "@ops backup now --yes",
    "@ops: rollback",
    "@**OPS** approve 12",
)


def message(content: str, *, mentioned: bool | None = None) -> IncomingMessage:
    return IncomingMessage(
        sender_id=IAGO,
        content=content,
        channel_id=OPS,
        recipients=0,
        client="website",
        realm="",
        sent_at=NOW,
        mentioned=mentioned,
    )


def test_a21_a_command_that_is_shown_is_none() -> None:
    shown = [form.format(command) for form, command in product(SHOWN, COMMANDS)]
    assert len(set(shown)) >= 200
    assert [text for text in shown if isinstance(GATE.judge(message(text), NOW), Addressed)] == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "more", ["{}\n{}", "{}\n> so they said", "{}\n```\ncode\n```", "{}\u2028x"]
)
def test_a21_a_command_with_more_below_it_is_refused(command: str, more: str) -> None:
    judged = GATE.judge(message(more.format(command, command)), NOW)
    assert isinstance(judged, Refusal)
    assert judged.reason is Reason.UNREADABLE_TEXT


@pytest.mark.parametrize(
    ("content", "mentioned", "is_ours"),
    [
        ("@**all** backup now", False, False),
        ("@**everyone** backup now", False, False),
        ("@**channel** backup now", True, False),
        ("@**topic** backup now", False, False),
        ("@*operators* backup now", True, False),
        ("@_**ops** backup now", False, False),
        ("@_**ops|17** backup now", False, False),
        ("@**ops|11** backup now", False, False),
        ("@**ops|170** backup now", True, False),
        ("@**ops** backup now", False, False),
        ("@**Iago|17** backup now", True, True),
        ("@**all|17** backup now", True, True),
        ("@**ops** backup now", True, True),
    ],
)
def test_a22_the_id_decides_and_not_the_name(
    content: str,
    mentioned: bool,
    is_ours: bool,
) -> None:
    judged = GATE.judge(message(content, mentioned=mentioned), NOW)
    assert judged == (Addressed("backup now") if is_ours else NOT_FOR_US)


def test_a23_no_letter_of_another_script_passes_for_one_of_ours() -> None:
    """Every letter of every command is replaced by ones that look the same, and turned around."""
    look_alikes = {"a": "аɑａ", "c": "сⅽ", "e": "еℯ", "i": "іⅰ", "o": "оοօ", "p": "рｐ", "s": "ѕ"}
    invisible = "\u200b\u200d\u202e\u2066\u00ad\ufeff\u0301"
    random, tried = Random(23), 0
    commands = [one.example for one in DECLARATIONS]
    while tried < 10_000:
        text = random.choice(commands)
        place = random.randrange(len(text))
        strange = random.choice(look_alikes.get(text[place], "") + invisible)
        changed = text[:place] + strange + text[place + (strange not in invisible) :]
        with pytest.raises(BadCommand) as refused:
            GRAMMAR.parse(changed)
        assert refused.value.reason is Reason.UNREADABLE_TEXT
        assert f"U+{ord(strange):04X}" in refused.value.message
        tried += 1


#: What means something in Zulip's markdown, and plain words between.
HOSTILE = (
    *("@**all**", "@**Iago|2**", "@_**ops**", "@*operators*", "#**ops**", "#**ops>x**"),
    *("```", "````", "~~~", "`", "``", "```quote", "\n```\n", "\n````\n", "\n~~~\n", "\n"),
    *("/poll x", "/me x", "[a](https://evil.example)", "https://evil.example", "![x](y)"),
    *("> ", "# ", "- ", "|---|", "$$x$$", "<b>", "<time:2026-01-01T00:00:00Z>", ":smile:"),
    *("word", " ", "\t", "\r\n", "\u2028", "\u202e", "é"),
)


def hostile_outputs(number: int, seed: int) -> Iterator[str]:
    random = Random(seed)
    for _ in range(number):
        yield "".join(random.choices(HOSTILE, k=random.randrange(1, 9)))


def test_a28_no_output_ends_its_block() -> None:
    for output in hostile_outputs(50_000, seed=28):
        opening, *inside, closing = fence(output).split("\n")
        assert opening == f"{closing}text"
        # Zulip closes a block at a line that is nothing but the sign that opened it.
        assert closing not in {line.strip() for line in "\n".join(inside).splitlines()}
        assert set(closing) == {"`"}


def test_a28_nothing_of_an_output_is_rendered() -> None:
    realm = Realm(RealmClock())
    for name in ("ops", "Iago"):
        realm.enrol(f"{name}@example.com", name)
    for output in hostile_outputs(2_000, seed=29):
        block = render(fence(output), realm.members())
        assert block.count("<pre>") == 1
        assert block.startswith("<div class=")
        span = render(f"Said: {code(output)}.", realm.members())
        for html in (block, span):
            assert not re.search(r'user-mention|user-group|<a |class="stream|<time|<img', html)


def test_a28_a_block_of_output_is_all_there_is() -> None:
    outside = re.sub(r"<div.*?</div>", "", render(fence("@**all**\n```\n@**all**"), ()), flags=re.S)
    assert outside.strip() == ""
