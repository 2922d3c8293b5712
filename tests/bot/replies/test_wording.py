"""Figures, times and foreign text are written so that people read them right."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.replies.wording import age, code, count, fence, listing, person, spoiler


def test_an_age_is_never_negative_and_never_zero() -> None:
    assert age("2026-01-01T00:00:05+00:00", "2026-01-01T00:00:00+00:00") == "1 s"
    assert age("2026-01-01T00:00:00+00:00", "2026-01-01T00:02:00+00:00") == "2 min"


def test_words_agree_with_their_number() -> None:
    assert [count(number, "job") for number in (0, 1, 2)] == ["no jobs", "1 job", "2 jobs"]
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(["a"]) == "a"
    assert listing([]) == ""


@given(st.text(alphabet="`~ab\n", max_size=40))
def test_nothing_inside_a_fence_can_end_it(text: str) -> None:
    first, *inside, last = fence(text).split("\n")
    assert first == f"{last}text"
    assert last not in [line.strip() for line in inside]


@given(st.text(alphabet="`a \n", max_size=40))
def test_nothing_inside_a_spoiler_can_end_it(text: str) -> None:
    lines = spoiler("Title", fence(text)).split("\n")
    assert lines[-1] not in [line.strip() for line in lines[:-1]]


@given(st.text(alphabet="`a b", min_size=1, max_size=20))
def test_inline_code_is_one_span(text: str) -> None:
    written = code(text)
    ticks = re.match("`+", written)
    assert ticks is not None
    inner = written[len(ticks[0]) : -len(ticks[0])]
    assert ticks[0] not in re.findall("`+", inner)
    assert "\n" not in written


def test_a_name_cannot_mention_somebody_else() -> None:
    assert person("Eve|8** @**all", 9) == "@_**Eve8 all|9**"
    assert person("root on the host", None) == "root on the host"
