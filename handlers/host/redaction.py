"""Hides secrets in text before it is stored or sent."""

import base64
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from handlers.host.settings import HostSettings, StoreSettings

MASK = "[hidden]"
LINE_WAS_CUT = " [the rest of this line was left out]\n"

#: Shorter forms would hide ordinary words.
SHORTEST_FORM = 8
#: What is kept of a line that comes in pieces; nobody reads more, and memory stays bounded.
LONGEST_LINE = 1024 * 1024

SECRETS_FILE = Path("etc/zulip/zulip-secrets.conf")

Span = tuple[int, int]

# Every repetition in these patterns is possessive or bounded, and none can begin again inside
# what it has just read: hostile output must not cost quadratic time.

#: What a block of key material consists of after its first line; it may go on in the next piece.
BLOCK_REST = re.compile(
    r"(?:[A-Z][A-Za-z]{2,8}-[A-Z][A-Za-z]{2,8}: [^\n]{0,100}\n)*+(?:[A-Za-z0-9+/=\s]++|\\[nr])*+"
)
BLOCK_START = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}+-----\n?+")

#: Lower-case words without which the pattern cannot match, and the pattern; `secret` is hidden.
PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("akia", "asia"),
        re.compile(r"(?<![A-Z0-9])(?P<secret>A[KS]IA[A-Z0-9]{16})(?![A-Z0-9])"),
    ),
    (("age-secret-key-",), re.compile(r"(?P<secret>AGE-SECRET-KEY-1[A-Z0-9]++)")),
    (("://",), re.compile(r"://[^\s:/@]{0,256}+:(?P<secret>[^\s@/]++)@")),
    (
        ("eyj",),
        re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?)", re.ASCII),
    ),
    (
        ("pass", "secret", "token", "key", "credential", "authorization"),
        re.compile(
            # Once for each whole name, however long it is and wherever the word stands in it.
            r"(?<![\w-])(?=[\w-]*?(?i:passw|passphrase|secret|token|key|credential|authorization))"
            r"[\w-]++\\?[\"']?\s{0,3}(?:=|:(?=.{0,3}(?:\w{5,6}\s)?\S{8}))\s{0,3}"
            r"(?i:(?:basic|bearer)\s)?"
            r"(?P<secret>\\?\"[^\"\n]*+\"?|\\?'[^'\n]*+'?|[^\s\"']++)"
        ),
    ),
)


class Redactor:
    """Hides known secrets in all their usual spellings, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = tuple({form for secret in secrets for form in forms(secret)})
        self.longest_form = max(map(len, self._forms), default=0)

    def redact(self, text: str) -> str:
        """A text that is complete."""
        stream = self.stream()
        return stream.feed(text) + stream.end()

    def stream(self) -> "RedactedStream":
        """For text that comes in pieces; a secret may lie across any of their edges."""
        return RedactedStream(self)

    def spans(self, text: str) -> list[Span]:
        """Where secrets lie, in order; they may overlap."""
        folded = text.lower()
        found = list(self._known(text))
        for words, pattern in PATTERNS:
            if any(word in folded for word in words):
                found += (match.span("secret") for match in pattern.finditer(text))
        if "-----begin " in folded:
            found += _blocks(text)
        return sorted(found)

    def _known(self, text: str) -> Iterator[Span]:
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1)


class RedactedStream:
    """Holds back the last, unfinished line, so that nothing leaks across two pieces."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._pieces: list[str] = []
        self._length = 0
        self._in_block = False
        self._skips_line = False

    def feed(self, text: str) -> str:
        """What can be said so far."""
        if self._skips_line:
            _, newline, text = text.partition("\n")
            self._skips_line = not newline
        lines, newline, rest = text.rpartition("\n")
        said = ""
        if newline:
            said = self._hide("".join((*self._pieces, lines, newline)))
            self._pieces, self._length = [], 0
        if rest:
            self._pieces.append(rest)
            self._length += len(rest)
        return said + self._cut_line()

    def end(self) -> str:
        """What was held back."""
        said = self._hide("".join(self._pieces))
        self._pieces, self._length = [], 0
        return said

    def _cut_line(self) -> str:
        # One form more than is kept is looked at, so that no secret is cut in two.
        if self._length <= LONGEST_LINE + self._redactor.longest_form:
            return ""
        said = self._hide("".join(self._pieces), until=LONGEST_LINE)
        self._pieces, self._length, self._skips_line = [], 0, True
        return said + LINE_WAS_CUT

    def _hide(self, text: str, until: int | None = None) -> str:
        position = self._rest_of_block(text)
        until = len(text) if until is None else until
        pieces: list[str] = []
        for start, end in self._redactor.spans(text):
            if start >= until:
                break
            if start > position or not pieces:
                pieces += (text[position:start], MASK)
            position = max(position, end)
        return "".join((*pieces, text[position:until]))

    def _rest_of_block(self, text: str) -> int:
        """How much of the beginning still belongs to a block whose mask was written before."""
        match = BLOCK_REST.match(text) if self._in_block else None
        end = match.end() if match else 0
        last = text.rfind("-----BEGIN ", end)
        if last >= 0:
            self._in_block = any(stop == len(text) for _, stop in _blocks(text[last:], last))
        elif end < len(text):
            self._in_block = False
        return end


def of_host(host: HostSettings, stores: Iterable[StoreSettings]) -> Redactor:
    """Knows every value of Zulip's secrets file and of the stores' credential files."""
    files = [host.root / SECRETS_FILE]
    files += [store.credentials_file for store in stores if store.credentials_file is not None]
    return Redactor(value for file in files for value in _values(file))


def forms(secret: str) -> set[str]:
    """The spellings under which a secret may appear: raw, each line, quoted, encoded."""
    data = secret.encode(errors="surrogateescape")
    hexadecimal = data.hex()
    spellings = {
        *secret.splitlines(),
        # As the output of a tool is read when its bytes are not UTF-8.
        *data.decode(errors="replace").splitlines(),
        *(quote(data, safe=safe) for safe in ("", "/")),
        quote_plus(data),
        *(json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)),
        *shlex.quote(secret).splitlines(),
        secret.replace("'", "'\\''"),
        hexadecimal,
        hexadecimal.upper(),
        *_base64_forms(data),
    }
    spellings |= {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), s) for s in spellings}
    return {s for s in spellings if len(s) >= SHORTEST_FORM and "\n" not in s}


def _base64_forms(data: bytes) -> Iterator[str]:
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        # The outer characters also carry bits of what stands before and after the secret.
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        inner = encoded[first:last]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _blocks(text: str, offset: int = 0) -> Iterator[Span]:
    for match in BLOCK_START.finditer(text):
        rest = BLOCK_REST.match(text, match.end())
        assert rest is not None
        yield offset + match.end(), offset + rest.end()


def _values(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text(errors="surrogateescape").splitlines()
    except (FileNotFoundError, PermissionError):
        # What we cannot read, the tools that we start cannot say either.
        return
    for line in lines:
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", ";", "[")):
            yield stripped
            yield stripped.partition("=")[2].strip().strip("\"'")
