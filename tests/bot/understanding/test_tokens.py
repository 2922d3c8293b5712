"""How text becomes words, whatever keyboard it comes from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.understanding.tokens import LONGEST_COMMAND_CHARACTERS, echo, quote, tokenize
from handlers.errors import BadCommand, Reason

WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   ", []),
        ("backup now", ["backup", "now"]),
        ("  backup   now  \n", ["backup", "now"]),
        ("backup\tnow", ["backup", "now"]),
        ("backup\u00a0now", ["backup", "now"]),
        ("backup now —yes", ["backup", "now", "--yes"]),
        ("backup now –yes", ["backup", "now", "--yes"]),
        ("backup now ―yes", ["backup", "now", "--yes"]),
        ("backup now —-yes", ["backup", "now", "--yes"]),
        ("backup now –-yes", ["backup", "now", "--yes"]),
        ("backup now ——yes", ["backup", "now", "--yes"]),
        ("—yes", ["--yes"]),
        ("say “two words”", ["say", "two words"]),
        ("say „two words“", ["say", "two words"]),
        ("say ‘two words’", ["say", "two words"]),
        ("say 'two words'", ["say", "two words"]),
        ('say "it\'s here"', ["say", "it's here"]),
        ("it's here", ["it's", "here"]),
        ("it’s here", ["it's", "here"]),
        ("the admins' backup", ["the", "admins'", "backup"]),
        ("--because=“two words” --yes", ["--because=two words", "--yes"]),
        ("--because='two words'", ["--because=two words"]),
        ('say ""', ["say", ""]),
        ("`status`", ["status"]),
        ("`backup now --yes`", ["backup", "now", "--yes"]),
        ("` status `", ["status"]),
        ("``", []),
        ("say `it`", ["say", "`it`"]),
        ("`a` `b`", ["`a`", "`b`"]),
        ("upgrade 10.4-rc1", ["upgrade", "10.4-rc1"]),
        (r"C:\temp a\"b".replace('"', ""), ["C:\\temp", "a\\b"]),
    ],
)
def test_text_is_cut_into_words(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("job \u202e12", "U+202E"),
        ("job \u200f12", "U+200F"),
        ("job 1\u200b2", "U+200B"),
        ("\ufeffjob", "U+FEFF"),
        ("job\u202f12", "U+202F"),
        ("job\u2009 12", "U+2009"),
        ("job \u206612", "U+2066"),
        ("job\x00", "U+0000"),
        ("job \x1b[31m", "U+001B"),
        ("job\x7f", "U+007F"),
        ("job\x85now", "U+0085"),
        ("upgrade 1–4", "U+2013"),
        ("upgrade 1０.4", "U+FF10"),
        ("upgrade ١٠.٤", "U+0661"),
        ("stаtus", "U+0430"),
        ("status 🙂", "U+1F642"),
        ("job \ud800", "U+D800"),
    ],
)
def test_character_that_cannot_be_read_is_named(text: str, named: str) -> None:
    with pytest.raises(BadCommand) as caught:
        tokenize(text)

    assert caught.value.reason is Reason.UNREADABLE_TEXT
    assert named in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "status\nbackup now",
        "status\rbackup now",
        "x" * 10_000,
        "é" * 10_000,
        "```status```",
        "~~~ status ~~~",
        "say 'two words",
        'say "two words',
        'say two words"',
        'say "two"words',
        'a"b"',
        "'",
        '"',
        "--because='two words",
    ],
)
def test_refusal_is_one_short_line(text: str) -> None:
    with pytest.raises(BadCommand) as caught:
        tokenize(text)

    assert caught.value.reason is Reason.UNREADABLE_TEXT
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


def test_longest_command_is_still_read() -> None:
    longest = "x" * LONGEST_COMMAND_CHARACTERS

    assert tokenize(longest) == [longest]
    with pytest.raises(BadCommand, match="301 characters"):
        tokenize(longest + "x")


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=400))
def test_any_text_is_cut_or_refused(text: str) -> None:
    try:
        words = tokenize(text)
    except BadCommand as error:
        words = [error.reason, error.message]
    assert all(word.isprintable() and len(word) <= LONGEST_COMMAND_CHARACTERS for word in words)
    assert all(word.isascii() for word in words)


@settings(deadline=None)
@given(st.lists(WORDS.filter(lambda word: '"' not in word or "'" not in word), max_size=8))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    # What stands in backticks as a whole is code formatting; a verb always comes first.
    text = " ".join(["verb", *map(quote, words)])
    if "```" not in text and "~~~" not in text:
        assert tokenize(text) == ["verb", *words]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("status", "`status`"),
        ("", "nothing"),
        ("a`b", "`a'b`"),
        ("@**all**", "`@**all**`"),
        ("a\nb", "`a?b`"),
        ("\u202eab", "`?ab`"),
        ("x" * 100, f"`{'x' * 60}...`"),
    ],
)
def test_echo_cannot_leave_its_code(text: str, shown: str) -> None:
    assert echo(text) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("policy test @**Iago** status", ["policy", "test", "@**Iago**", "status"]),
        ("why @**Zoë Ünal|9** @_**Iago**", ["why", "@**Zoë Ünal|9**", "@_**Iago**"]),
        ("say '@**Iago** went'", ["say", "@**Iago** went"]),
        ("@**A B**@**C D**", ["@**A B**@**C D**"]),
        ("say @**7** @**0**", ["say", "@**7**", "@**0**"]),
    ],
)
def test_whoever_is_mentioned_is_one_word_in_any_script(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


#: Each refusal with its sentence, which has to say what to do about it.
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "x" * 301,
            "That is 301 characters long; a command has at most 300.",
        ),
        ("```status```", "I read no commands out of code blocks."),
        ("~~~status~~~", "I read no commands out of code blocks."),
        ("status\nhelp", "I read one line at a time, and that is more than one."),
        ("status\rhelp", "I read one line at a time, and that is more than one."),
        (
            "job\u200b 12",
            "I read plain ASCII characters only, and there is a U+200B at place 4.",
        ),
        (
            "say 'two words",
            "The quotes do not pair up at `'two words`; a quoted part stands alone, as in "
            '`"two words"`.',
        ),
    ],
)
def test_a_refusal_says_what_cannot_be_read(text: str, sentence: str) -> None:
    with pytest.raises(BadCommand) as caught:
        tokenize(text)
    assert (caught.value.message, caught.value.reason, caught.value.hint) == (
        sentence,
        Reason.UNREADABLE_TEXT,
        "Type it again in plain text.",
    )


@pytest.mark.parametrize(("text", "words"), [("`", ["`"]), ("X`status`X", ["X`status`X"])])
def test_only_a_pair_around_the_whole_is_formatting(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


@pytest.mark.parametrize("text", ["Xstatus", "\u2003status"])
def test_only_plain_blanks_at_the_ends_are_nothing(text: str) -> None:
    if text.isascii():
        assert tokenize(text) == [text]
    else:
        with pytest.raises(BadCommand, match=r"U\+2003"):
            tokenize(text)


def test_echo_is_cut_beyond_sixty_characters_alone() -> None:
    assert echo("x" * 60) == f"`{'x' * 60}`"
    assert echo("x" * 59 + " y" * 9) == f"`{'x' * 59}...`"


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("nightly", "nightly"),
        ("backup now", '"backup now"'),
        ("", '""'),
        ("it's", '"it\'s"'),
        ('say "hi"', "'say \"hi\"'"),
    ],
)
def test_a_word_is_quoted_only_where_it_has_to_be(word: str, typed: str) -> None:
    assert quote(word) == typed
    assert tokenize(typed) == [word]
