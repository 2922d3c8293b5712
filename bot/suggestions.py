"""Finds what somebody may have meant who typed a verb that does not exist."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

from bot.tokens import echo
from handlers.errors import BadCommand, Reason

Words = tuple[str, ...]

#: Below this likeness a guess is no help.
_CLOSE = 0.6
#: Longer words are no slips of the finger, and comparing them costs time.
_LONGEST_WORD_CHARACTERS = 24
_MOST_NAMED = 6


def unknown_verb(words: Sequence[str], verbs: Iterable[Words]) -> BadCommand:
    """The one line that answers an unknown verb: the rest of its group, or the closest match."""
    known = tuple(verbs)
    first = words[0].lower()
    group = [name for name in known if name[0] == first]
    guess = closest(words, group or known)
    if guess is not None:
        return _unknown(f"I know no {echo(_phrase(words, guess))}; did you mean `{guess}`?")
    if group:
        names = ", ".join(f"`{' '.join(name)}`" for name in group[:_MOST_NAMED])
        if len(words) == 1:
            return _unknown(f"{echo(words[0])} needs another word: {names}.")
        return _unknown(f"I know no {echo(' '.join(words[:2]))}; there is {names}.")
    return _unknown(f"I know no {echo(' '.join(words))}; `help` lists what I know.")


def closest(words: Sequence[str], verbs: Sequence[Words]) -> str | None:
    """The verb most like the beginning of what was typed, if any is like it.

    Each typed word is first put right on its own (`retsart` is too unlike any whole phrase),
    then the phrases are compared.
    """
    vocabulary = sorted({word for name in verbs for word in name})
    best, best_likeness = None, _CLOSE
    for name in verbs:
        if len(words) < len(name):
            continue
        typed = [word.lower()[:_LONGEST_WORD_CHARACTERS] for word in words[: len(name)]]
        likeness = max(_likeness(typed, name), _likeness(_put_right(typed, vocabulary), name) - 0.1)
        # Of two that are equally like it, the longer one explains more of what was typed.
        if likeness > best_likeness or (likeness == best_likeness and best is not None):
            best, best_likeness = " ".join(name), likeness
    return best


def _put_right(typed: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    return [(get_close_matches(word, vocabulary, 1, _CLOSE) or [word])[0] for word in typed]


def _likeness(typed: Sequence[str], name: Words) -> float:
    return SequenceMatcher(None, " ".join(typed), " ".join(name)).ratio()


def _phrase(words: Sequence[str], guess: str) -> str:
    return " ".join(words[: len(guess.split())])


def _unknown(sentence: str) -> BadCommand:
    return BadCommand(sentence, reason=Reason.UNKNOWN_VERB)
