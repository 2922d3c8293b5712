"""Turns the text of a command into a verb with typed arguments, or into a sentence that helps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

import click

from bot.understanding import suggestions
from bot.understanding.tokens import echo, quote, tokenize
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason

Value = str | int | bool
#: What there is of a kind of thing that words name: `store` -> `local`, `s3`.
Names = Mapping[str, Sequence[str]]

_INTEGER = re.compile(r"#?([0-9]{1,10})")
_PERSON = re.compile(r"@_?\*\*([^*\n]{1,100})\*\*|(\|?[0-9]{1,10})")
_CONFIRMED_EFFECTS = frozenset({Effect.ROUTINE, Effect.DISRUPTIVE, Effect.DESTRUCTIVE})
_HELP = "help"
_HELP_OPTIONS = frozenset({"--help", "-h"})
#: What click puts words into for which the verb has no place.
_SURPLUS = "_surplus"


class Verb(Protocol):
    """What help, grammar and permissions know of any command, ours or a handler's."""

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def effect(self) -> Effect | None: ...
    @property
    def example(self) -> str: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """One understood command.

    `arguments` holds every flag, and of the others those that were typed. Where help is wanted,
    `verb` is `help` and `about` the verbs that it is wanted for (none: help in general).
    """

    verb: Verb
    arguments: dict[str, Value]
    #: The command as it would be typed again: arguments by place, then options, then `--yes`.
    canonical: str
    yes: bool = False
    help_wanted: bool = False
    about: tuple[Verb, ...] = ()


class Grammar:
    """All that can be said; built once, read by any thread.

    With the name of a bot, examples are written as they are typed to it: `@ops job 12`. Where it
    is told which names there are, a parameter that stands for one takes no other.
    """

    def __init__(
        self, verbs: Sequence[Verb], bot_name: str = "", names: Names | None = None
    ) -> None:
        self._verbs = tuple(verbs)
        self._names = names or {}
        self._address = f"@{bot_name} " if bot_name else ""
        self._forms = {
            tuple(verb.name.split()): _Form(verb, self._address, self._names) for verb in verbs
        }
        if len(self._forms) != len(verbs):
            raise ValueError("Two verbs have the same name.")
        if (_HELP,) not in self._forms:
            raise ValueError("There is no verb `help`.")
        self._most_words = max(len(words) for words in self._forms)

    def of_bot(self, bot_name: str) -> "Grammar":
        """The same, for who writes to this bot."""
        return Grammar(self._verbs, bot_name, self._names)

    def parse(self, text: str) -> Parsed:
        """The command that the text is; raises BadCommand, and nothing else, when it is none."""
        words = self._verb_first(tokenize(text))
        if not words:
            raise BadCommand(
                "There is no command.",
                reason=Reason.EMPTY_COMMAND,
                hint=f"Type `{self._address}help`.",
            )
        if words[0].lower() == _HELP:
            return self._help(list(filter(_is_no_help_option, words[1:])))
        if not _HELP_OPTIONS.isdisjoint(words):
            return self._help(list(takewhile(_is_no_help_option, words)))
        length = self._length_of_verb(words)
        return self._forms[_lower(words[:length])].parse(words[length:])

    def _verb_first(self, words: list[str]) -> list[str]:
        """`job 12 resolve` as `job resolve 12`: a thing's number may stand behind its noun."""
        if len(words) > 2 and _INTEGER.fullmatch(words[1]):
            form = self._forms.get(_lower((words[0], words[2])))
            if form is not None and takes_number(form.verb):
                return [words[0], words[2], words[1], *words[3:]]
        return words

    def _length_of_verb(self, words: list[str]) -> int:
        """How many words the longest verb has with which the command begins."""
        for length in range(min(self._most_words, len(words)), 0, -1):
            if _lower(words[:length]) in self._forms:
                return length
        raise suggestions.unknown_verb(words, self._forms, self._address)

    def _help(self, words: list[str]) -> Parsed:
        help_verb = self._forms[(_HELP,)].verb
        typed = _lower(words)
        canonical = " ".join((_HELP, *typed))
        group = tuple(
            form.verb for name, form in self._forms.items() if name[: len(typed)] == typed
        )
        if not typed:
            return Parsed(help_verb, {}, canonical, help_wanted=True)
        if not group:
            # `job 12 --help` and `help job 12` mean the verb that they begin with.
            name = typed[: self._length_of_verb(words)]
            group, canonical = (self._forms[name].verb,), " ".join((_HELP, *name))
        return Parsed(help_verb, {}, canonical, help_wanted=True, about=group)


def takes_number(verb: Verb) -> bool:
    """Whether the verb does something to one thing that has a number: `job 12 resolve`."""
    first = verb.parameters[0] if verb.parameters else None
    is_number = first is not None and first.positional and first.kind is Kind.INTEGER
    return is_number and len(verb.name.split()) == 2


def with_number(verb: Verb, number: str) -> list[str]:
    """Such a verb as it is typed."""
    noun, action = verb.name.split()
    return [noun, number, action]


class _Form:
    """One verb with its click command, which sorts words into arguments and options."""

    def __init__(self, verb: Verb, address: str, names: Names) -> None:
        self.verb = verb
        self._address = address
        self._names = names
        self._positional = tuple(p for p in verb.parameters if p.positional)
        self._options = tuple(p for p in verb.parameters if not p.positional)
        self._ends_in_text = _ends_in_text(verb)
        # In free text nothing is an option any more, whatever it looks like: no `--yes` either.
        self._takes_yes = verb.effect in _CONFIRMED_EFFECTS and not self._ends_in_text
        self._patterns = {p.name: re.compile(p.pattern) for p in verb.parameters}
        _check_declaration(verb)
        parameters: list[click.Parameter] = [_argument(p) for p in self._positional]
        parameters += [_option(p) for p in self._options]
        if self._takes_yes:
            parameters.append(click.Option(["--yes", "yes"], count=True))
        if not self._ends_in_text:
            parameters.append(click.Argument([_SURPLUS], nargs=-1, type=click.UNPROCESSED))
        self._command = click.Command(
            verb.name,
            params=parameters,
            add_help_option=False,
            context_settings={"allow_interspersed_args": not self._ends_in_text},
        )

    def parse(self, words: list[str]) -> Parsed:
        given = self._sort(words)
        surplus = given.get(_SURPLUS)
        if isinstance(surplus, tuple) and surplus:
            raise self._too_much(str(surplus[0]))
        arguments: dict[str, Value] = {}
        for parameter in self.verb.parameters:
            value = self._value(parameter, given[parameter.name])
            if value is not None:
                arguments[parameter.name] = value
            elif parameter.required:
                raise self._missing(parameter)
        yes = self._once("--yes", given.get("yes", 0))
        return Parsed(self.verb, arguments, self._canonical(arguments, yes=yes), yes=yes)

    def _sort(self, words: list[str]) -> dict[str, object]:
        if "--" in (words[:1] if self._ends_in_text else words):
            raise self._bad("A lone `--` means nothing here.")
        try:
            context = self._command.make_context(self.verb.name, list(words))
        except click.NoSuchOption as error:
            raise self._no_such_option(error.option_name) from None
        except click.UsageError as error:
            # Whatever else click may refuse is an option's value: all words have a place.
            raise self._bad_value(getattr(error, "option_name", "")) from None
        return context.params

    def _value(self, parameter: Parameter, given: object) -> Value | None:
        if parameter.kind is Kind.FLAG:
            return self._once(_option_name(parameter), given)
        if isinstance(given, tuple):
            if parameter.positional:
                given = (" ".join(given),) if given else ()
            if len(given) > 1:
                sentence = f"`{_option_name(parameter)}` was given {len(given)} times."
                raise self._bad(sentence, parameter)
            given = given[0] if given else None
        if not isinstance(given, str):
            return None
        typed = self._text if parameter.kind is Kind.TEXT else self._typed
        return typed(parameter, given)

    def _once(self, option: str, count: object) -> bool:
        if count not in (0, 1):
            raise self._bad(f"`{option}` was given {count} times.")
        return count == 1

    def _typed(self, parameter: Parameter, word: str) -> Value:
        if parameter.kind is Kind.INTEGER:
            number = _INTEGER.fullmatch(word)
            if number:
                return int(number[1])
            # `job` needs a job's number; what an option is for is no name for its value.
            what = parameter.summary if parameter.positional else "a whole number"
            needs = f"needs {what}"
        elif parameter.kind is Kind.CHOICE:
            if word.lower() in parameter.choices:
                return word.lower()
            needs = f"needs one of {_listed(parameter.choices)}"
        elif parameter.kind is Kind.PERSON:
            somebody = _PERSON.fullmatch(word)
            if somebody:
                return somebody[1] or "|" + somebody[2].removeprefix("|")
            needs = f"needs somebody, mentioned like `{parameter.example}`"
        else:
            # Whatever a pattern says, no value can be taken for an option further down.
            names = self._names.get(parameter.place, ())
            fits = not word.startswith("-") and self._patterns[parameter.name].fullmatch(word)
            if fits and (not names or word in names):
                return word
            what = f"{parameter.summary.rstrip('.')}," if parameter.positional else "a word"
            like = f"{what} like `{parameter.example}`"
            needs = f"needs {f'one of {_listed(names)}' if names else like}"
        given = f"{echo(word)} is none" if word.strip() else "it is empty"
        raise self._bad(f"{self._place(parameter)} {needs}, and {given}.", parameter)

    def _text(self, parameter: Parameter, words: str) -> str:
        """Somebody's own words, which are kept and shown, and never acted on."""
        text = " ".join(words.split())
        if not text:
            raise self._bad(f"{self._place(parameter)} needs words, and it is empty.", parameter)
        if not parameter.positional and text.startswith("-"):
            sentence = f"{self._place(parameter)} needs words in quotes, and {echo(text)} is none."
            raise self._bad(sentence, parameter)
        if len(text) > parameter.longest:
            what = parameter.summary.rstrip(".")
            sentence = f"{what[0].upper()}{what[1:]} has {len(text)} characters;"
            raise self._bad(f"{sentence} {parameter.longest} are the most.", parameter)
        return text

    def _place(self, parameter: Parameter) -> str:
        return f"`{self.verb.name if parameter.positional else _option_name(parameter)}`"

    def _canonical(self, arguments: dict[str, Value], *, yes: bool) -> str:
        given = [_typed(p, arguments[p.name]) for p in self._positional if p.name in arguments]
        words = self._beginning(given)
        for parameter in self._options:
            value = arguments.get(parameter.name, False)
            if value is True:
                words.append(_option_name(parameter))
            elif value is not False:
                words += [_option_name(parameter), quote(str(value))]
        return " ".join((*words, "--yes") if yes else words)

    def _beginning(self, given: list[str]) -> list[str]:
        if takes_number(self.verb) and given:
            return [*with_number(self.verb, given[0]), *given[1:]]
        return [self.verb.name, *given]

    def _no_such_option(self, option: str) -> BadCommand:
        if option == "--yes" and not self._ends_in_text:
            return self._bad(f"`{self.verb.name}` changes nothing, so it takes no `--yes`.")
        known = [_option_name(p) for p in self._options] + ["--yes"] * self._takes_yes
        instead = f"only {_listed(known)}" if known else "and no other option"
        return self._bad(f"`{self.verb.name}` takes no {echo(option)}, {instead}.")

    def _missing(self, parameter: Parameter) -> BadCommand:
        needs = f"needs {parameter.summary.rstrip('.')}" if parameter.positional else "is missing"
        return self._bad(f"{self._place(parameter)} {needs}.", parameter)

    def _bad_value(self, option: str) -> BadCommand:
        for parameter in self._options:
            if _option_name(parameter) == option and parameter.kind is not Kind.FLAG:
                return self._bad(f"`{option}` needs a value.", parameter)
        return self._bad(f"{echo(option)} takes no value.")

    def _too_much(self, word: str) -> BadCommand:
        most = len(self._positional)
        if not most:
            return self._bad(f"`{self.verb.name}` stands without words like {echo(word)}.")
        words = "one word" if most == 1 else f"{most} words"
        return self._bad(f"`{self.verb.name}` takes {words} at most; {echo(word)} is too much.")

    def _bad(self, sentence: str, about: Parameter | None = None) -> BadCommand:
        example = self._example(about) if about else self.verb.example
        return BadCommand(
            sentence,
            reason=Reason.BAD_ARGUMENT,
            hint=f"For example: `{self._address}{example}`.",
        )

    def _example(self, about: Parameter) -> str:
        """How the verb is typed with this parameter."""
        if about.positional:
            return self.verb.example
        words = self._beginning([p.example for p in self._positional if p.required])
        words.append(_option_name(about))
        value = next(iter(self._names.get(about.place, ())), about.example)
        return " ".join(words if about.kind is Kind.FLAG else [*words, value])


def _typed(parameter: Parameter, value: Value) -> str:
    """An argument as it has to be typed again."""
    if parameter.kind is Kind.TEXT:
        return " ".join(quote(word) for word in str(value).split())
    return f"@**{value}**" if parameter.kind is Kind.PERSON else quote(str(value))


def _lower(words: Sequence[str]) -> tuple[str, ...]:
    """Phones begin every line with a capital."""
    return tuple(word.lower() for word in words)


def _is_no_help_option(word: str) -> bool:
    return word not in _HELP_OPTIONS


def _option_name(parameter: Parameter) -> str:
    return "--" + parameter.name.replace("_", "-")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _ends_in_text(verb: Verb) -> bool:
    return any(p.positional and p.kind is Kind.TEXT for p in verb.parameters)


def _argument(parameter: Parameter) -> click.Parameter:
    if parameter.kind is Kind.TEXT:
        return click.Argument([parameter.name], nargs=-1, type=click.UNPROCESSED)
    return click.Argument([parameter.name], required=False, type=click.UNPROCESSED)


def _option(parameter: Parameter) -> click.Parameter:
    names = [_option_name(parameter), parameter.name]
    if parameter.kind is Kind.FLAG:
        return click.Option(names, count=True)
    # `multiple`, so that a repeated option is seen and not silently overwritten.
    return click.Option(names, multiple=True, type=click.UNPROCESSED)


def _check_declaration(verb: Verb) -> None:
    """Whoever declares a verb learns at once of what could not be typed."""
    names = [parameter.name for parameter in verb.parameters]
    if len(set(names)) != len(names) or {"yes", "help"} & set(names):
        raise ValueError(f"{verb.name}: a parameter's name is taken.")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
        raise ValueError(f"{verb.name}: a parameter's name is not lower_case.")
    required = [p.required for p in verb.parameters if p.positional]
    if required != sorted(required, reverse=True):
        raise ValueError(f"{verb.name}: a required argument follows one that is not.")
    if any(p.kind is Kind.TEXT for p in [p for p in verb.parameters if p.positional][:-1]):
        raise ValueError(f"{verb.name}: an argument follows the free text, which takes all words.")
