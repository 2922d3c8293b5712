"""Cuts what a person typed into words, and refuses what cannot be read."""

import re

from handlers.errors import BadCommand, Reason

#: No command comes near this; a person who pastes more has not typed a command.
LONGEST_COMMAND_CHARACTERS = 300
#: How much of somebody's text an answer repeats.
LONGEST_ECHO_CHARACTERS = 60

#: What phones and word processors make of plain quotes; a no-break space is a space.
_KEYBOARD = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'"}
    | {"\u00a0": " ", "\t": " "}
)
#: `--yes` arrives as `—yes` or `–yes`; inside a word such a dash stays and is refused.
_SMART_DASH = re.compile(r"(?<![^ ])(?:-?[–—―]+-?)(?=[A-Za-z])")
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x20-\x7e]")
#: A quote opens at the beginning of a word or after `--name=`, and closes before a space; an
#: apostrophe inside a word is a letter.
_WORD = re.compile(
    r"""(?P<option>--[A-Za-z0-9-]+=)?+
        (?: "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<plain>[^\s"'][^\s"]*) )
        (?=\s|$)""",
    re.VERBOSE,
)
#: Somebody mentioned as Zulip writes it; names have blanks and letters of any script.
_MENTION = re.compile(r"@_?\*\*([^*\n`\"']{1,100})\*\*")
_PLACEHOLDER = re.compile(r"@\*\*([0-9]+)\*\*")
_PLAIN_WORD = re.compile(r"""[^\s"']+""")


def tokenize(text: str) -> list[str]:
    """The words of one command; raises BadCommand (unreadable_text) and nothing else."""
    mentioned: list[str] = []

    def keep(mention: re.Match[str]) -> str:
        mentioned.append(mention[0])
        return f"@**{len(mentioned) - 1}**"

    line = _readable(_MENTION.sub(keep, text) if "@" in text else text)
    words = line.split() if '"' not in line and "'" not in line else _quoted_words(line)
    if not mentioned:
        return words
    return [_PLACEHOLDER.sub(lambda found: mentioned[int(found[1])], word) for word in words]


def quote(word: str) -> str:
    """The word as it has to be typed, so that tokenize gives it back."""
    if _PLAIN_WORD.fullmatch(word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def echo(text: str) -> str:
    """Somebody's text as inline code: short, on one line, and nothing in it can end the code."""
    shown = _NOT_PRINTABLE_ASCII.sub("?", text).replace("`", "'").strip()
    if len(shown) > LONGEST_ECHO_CHARACTERS:
        shown = shown[:LONGEST_ECHO_CHARACTERS].rstrip() + "..."
    return f"`{shown}`" if shown else "nothing"


def _readable(text: str) -> str:
    """The line in printable ASCII, without the code formatting around the whole of it."""
    line = text.strip(" \t\n\u00a0")
    if len(line) > LONGEST_COMMAND_CHARACTERS:
        raise _unreadable(
            f"That is {len(line)} characters long; a command has at most"
            f" {LONGEST_COMMAND_CHARACTERS}."
        )
    if not line.isascii() or not line.isprintable():
        line = _plain(line)
    if "```" in line or "~~~" in line:
        raise _unreadable("I read no commands out of code blocks.")
    if len(line) > 1 and line[0] == line[-1] == "`" and line.count("`") == 2:
        return line[1:-1].strip()
    return line


def _plain(line: str) -> str:
    """Undoes what keyboards do; whatever is then not printable ASCII is named and refused."""
    if "\n" in line or "\r" in line:
        raise _unreadable("I read one line at a time, and that is more than one.")
    line = _SMART_DASH.sub("--", line.translate(_KEYBOARD))
    strange = _NOT_PRINTABLE_ASCII.search(line)
    if strange:
        code_point = f"U+{ord(strange.group()):04X}"
        raise _unreadable(
            f"I read plain ASCII characters only, and there is a {code_point} at place"
            f" {strange.start() + 1}."
        )
    return line.strip()


def _quoted_words(line: str) -> list[str]:
    words = []
    position = 0
    while position < len(line):
        if line[position] == " ":
            position += 1
            continue
        word = _WORD.match(line, position)
        if word is None:
            raise _unreadable(
                f"The quotes do not pair up at {echo(line[position:])}; a quoted part stands alone,"
                ' as in `"two words"`.'
            )
        parts = (word["option"], word["double"], word["single"], word["plain"])
        words.append("".join(part for part in parts if part))
        position = word.end()
    return words


def _unreadable(sentence: str) -> BadCommand:
    return BadCommand(sentence, reason=Reason.UNREADABLE_TEXT, hint="Type it again in plain text.")
