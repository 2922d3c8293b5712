"""Zulip's markdown as lines for a terminal."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.markdown_text import Paper, inline, readable

PAPER = Paper(60, UTC, names={6: "Hamlet"})


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**Job #1** (`backup now`) *ended*.", "Job #1 (`backup now`) ended."),
        ("@_**Iago|5** and @**ops** and @**ops|17**", "@Iago and @ops and @ops"),
        ("@**|6** or @_**|7**", "@Hamlet or @7"),
        ("see #**ops>backup now · #1** and #**ops**", "see #ops › backup now · #1 and #ops"),
        ("at <time:2026-11-23T15:50:35.5Z>.", "at 2026-11-23 15:50 UTC."),
        ("at <time:soon>.", "at soon."),
        ("[job-1.log](/user_uploads/2/x.log)", "job-1.log (a file, see the page)"),
        ("[here](https://example.com/a)", "here (https://example.com/a)"),
        ("`**as it is** <time:x>` ``a ` b``", "`**as it is** <time:x>` ``a ` b``"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markup_becomes_words(markdown: str, text: str) -> None:
    assert inline(markdown, PAPER) == text


def test_times_are_those_of_the_reader() -> None:
    berlin = Paper(60, ZoneInfo("Europe/Berlin"))
    assert inline("<time:2026-07-01T22:30:00Z>", berlin) == "2026-07-02 00:30 CEST"


def test_a_spoiler_shows_its_title_and_a_fence_keeps_its_lines() -> None:
    markdown = "\n".join(
        ("Output:", "````spoiler Preview", "```text", "== **a**", "", "  b" * 30, "```", "````")
    )
    assert readable(f"{markdown}\nafter **it**", PAPER) == [
        "Output:",
        "Preview:",
        "  │ == **a**",
        "  │ ",
        "  │ " + "  b" * 30,
        "after it",
    ]


def test_long_items_are_wrapped_below_their_first_word() -> None:
    lines = readable("- " + "word " * 20, PAPER)
    assert lines[0].startswith("- word")
    assert all(line.startswith("  word") for line in lines[1:])
    assert all(len(line) <= PAPER.width for line in lines)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab `*~\n#@|<>[]()time:spoiler")))
def test_whatever_is_written_can_be_shown(markdown: str) -> None:
    assert all("\n" not in line for line in readable(markdown, PAPER))
