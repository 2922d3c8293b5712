"""What somebody may have meant who typed a verb that does not exist."""

import pytest

from bot.understanding.suggestions import closest, unknown_verb
from handlers.errors import BadCommand, Reason

VERBS = [
    ("status",),
    ("restart",),
    ("backups",),
    ("backup", "now"),
    ("backup", "verify"),
    ("job", "resolve"),
    ("job",),
]


@pytest.mark.parametrize(
    ("typed", "verb"),
    [
        (["status"], ("status",)),
        (["stauts"], ("status",)),
        (["retsart", "nginx"], ("restart",)),
        (["bakcup", "nwo"], ("backup", "now")),
        (["backup", "verfy"], ("backup", "verify")),
        (["backup", "verify"], ("backup", "verify")),
        (["backupz"], ("backups",)),
        # The longer one explains more of what was typed.
        (["job", "resolve"], ("job", "resolve")),
        (["xyzzy"], None),
        (["now"], None),
        ([], None),
    ],
)
def test_the_verb_most_like_it_is_found(typed: list[str], verb: tuple[str, ...] | None) -> None:
    assert closest(typed, VERBS) == verb


def test_a_likeness_of_six_tenths_is_enough() -> None:
    assert closest(["rvoe"], [("help",), ("remove",)]) == ("remove",)
    assert closest(["abxyz"], [("abcde",)]) is None


def test_only_the_beginning_of_a_long_word_is_looked_at() -> None:
    known = "a" * 24
    assert closest([known + "b" * 200], [(known,)]) == (known,)
    assert closest(["a" * 23 + "b" + "a" * 9], [(known + "a" * 9,)]) == (known + "a" * 9,)


def test_a_word_that_was_put_right_counts_less_than_one_that_was_typed() -> None:
    verbs = [("restart",), ("restart", "restore")]
    assert closest(["restart", "remove"], verbs) == ("restart",)


def sentence(*words: str, address: str = "@ops ") -> str:
    failure = unknown_verb(words, VERBS, address)
    assert isinstance(failure, BadCommand)
    assert (failure.reason, failure.hint) == (Reason.UNKNOWN_VERB, None)
    return failure.message


def test_a_verb_like_no_other_is_told_where_the_others_are() -> None:
    assert sentence("xyzzy", "Foo") == (
        "There is no command `xyzzy Foo`. `@ops help` lists those that there are."
    )
    assert sentence("--yes") == (
        "There is no command `--yes`. `@ops help` lists those that there are."
    )


def test_the_closest_verb_is_named_as_it_is_typed() -> None:
    assert sentence("Stauts", "now") == (
        "There is no command `Stauts`. Did you mean `@ops status`?"
    )
    assert sentence("bakcup", "now", "--yes", address="") == (
        "There is no command `bakcup now`. Did you mean `backup now`?"
    )


def test_options_are_no_words_of_a_verb() -> None:
    assert sentence("bakcup", "--store", "now") == (
        "There is no command `bakcup`. Did you mean `@ops backups`?"
    )


def test_half_a_verb_is_told_its_other_half() -> None:
    assert sentence("Backup") == (
        "`Backup` needs another word: `@ops backup now`, `@ops backup verify`."
    )


def test_an_option_is_no_other_half() -> None:
    assert sentence("backup", "--now") == sentence("backup")


def test_another_second_word_is_told_the_closest_of_its_group() -> None:
    assert sentence("Backup", "nwo", "x") == (
        "There is no command `Backup nwo`. Did you mean `@ops backup now`?"
    )
    assert sentence("backup", "Verfiy") == (
        "There is no command `backup Verfiy`. Did you mean `@ops backup verify`?"
    )


def test_a_second_word_like_no_other_is_told_the_group() -> None:
    assert sentence("backup", "xyzzy", "x") == (
        "There is no command `backup xyzzy`. There is `@ops backup now`, `@ops backup verify`."
    )


def test_no_more_than_six_of_a_group_are_named() -> None:
    verbs = [("go", f"number{count}") for count in range(8)]
    message = unknown_verb(["go"], verbs).message
    assert message == (
        "`go` needs another word: "
        "`go number0`, `go number1`, `go number2`, `go number3`, `go number4`, `go number5`."
    )
