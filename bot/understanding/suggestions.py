"""Finds what somebody may have meant who typed a verb that does not exist."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from itertools import takewhile

from bot.understanding.tokens import echo
from handlers.errors import BadCommand, Reason

Words = tuple[str, ...]

#: Below this likeness a guess is no help.
_CLOSE = 0.6
#: Longer words are no slips of the finger, and comparing them costs time.
_LONGEST_WORD_CHARACTERS = 24
#: What a likeness counts less that was reached by putting words right first.
_GUESSED = 0.1
_MOST_NAMED = 6


def unknown_verb(words: Sequence[str], verbs: Iterable[Words], address: str = "") -> BadCommand:
    """The one line that answers an unknown verb: the rest of its group, or the closest match.

    What can be typed instead begins with the `address`, such as `@ops `.
    """
    known = tuple(verbs)
    typed = [word.lower() for word in takewhile(_is_no_option, words)]
    group = [name for name in known if typed and name[0] == typed[0]]
    if group:
        return _not_in_group(words, typed, group, address)
    guess = closest(typed, known)
    if guess is None:
        typed_text = echo(" ".join(words))
        return _unknown(
            f"There is no command {typed_text}. `{address}help` lists those that there are."
        )
    return _did_you_mean(words, guess, address)


def _not_in_group(
    words: Sequence[str], typed: Sequence[str], group: Sequence[Words], address: str
) -> BadCommand:
    names = ", ".join(f"`{address}{' '.join(name)}`" for name in group[:_MOST_NAMED])
    if len(typed) == 1:
        return _unknown(f"{echo(words[0])} needs another word: {names}.")
    guess = closest(typed[1:], [name[1:] for name in group])
    if guess is None:
        return _unknown(f"There is no command {echo(' '.join(words[:2]))}. There is {names}.")
    return _did_you_mean(words, (typed[0], *guess), address)


def closest(typed: Sequence[str], verbs: Sequence[Words]) -> Words | None:
    """The verb most like the beginning of what was typed, if any is like it.

    The phrases are compared as they are, and again with each typed word put right on its own:
    `retsart` alone is too unlike any whole phrase.
    """
    vocabulary = sorted({word for name in verbs for word in name})
    cut = [word[:_LONGEST_WORD_CHARACTERS] for word in typed[: max(map(len, verbs))]]
    corrected = _put_right(cut, vocabulary)
    ranked = [
        # Of two that are equally like it, the longer one explains more of what was typed.
        (max(_likeness(cut, name), _likeness(corrected, name) - _GUESSED), len(name), name)
        for name in verbs
        if len(name) <= len(typed)
    ]
    likeness, _, name = max(ranked, default=(0.0, 0, ()))
    return name if likeness >= _CLOSE else None


def _put_right(typed: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    return [(get_close_matches(word, vocabulary, 1, _CLOSE) or [word])[0] for word in typed]


def _likeness(typed: Sequence[str], name: Words) -> float:
    return SequenceMatcher(None, " ".join(typed[: len(name)]), " ".join(name)).ratio()


def _is_no_option(word: str) -> bool:
    return not word.startswith("-")


def _did_you_mean(words: Sequence[str], guess: Words, address: str) -> BadCommand:
    typed = echo(" ".join(words[: len(guess)]))
    return _unknown(f"There is no command {typed}. Did you mean `{address}{' '.join(guess)}`?")


def _unknown(sentence: str) -> BadCommand:
    return BadCommand(sentence, reason=Reason.UNKNOWN_VERB)
