"""Which minor versions of PostgreSQL may read an archive, by where the archive comes from.

CVE-2026-116314: a crafted archive makes pg_restore run any code. What is read here was compared
with a commit record of our own before pg_restore saw the first byte of it.
"""

import re
from dataclasses import dataclass

#: By major, the first minor in which it is mended. Later majors never had it.
MENDED = {14: 25, 15: 20, 16: 16, 17: 12, 18: 7}
CVE = "CVE-2026-116314"
_VERSION = re.compile(r"\b(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Version:
    """Of PostgreSQL's programs, as `postgres --version` says it."""

    major: int
    minor: int

    @classmethod
    def parse(cls, said: str) -> "Version":
        """`postgres (PostgreSQL) 16.14 (Debian ...)`; ValueError where no version is in it."""
        found = _VERSION.search(said)
        if found is None:
            raise ValueError(f"{said!r} says no version of PostgreSQL")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def is_mended(self) -> bool:
        if self.major in MENDED:
            return self.minor >= MENDED[self.major]
        return self.major > max(MENDED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an archive may be read; `sentence` says why not, or what to be wary of."""

    may_read: bool
    sentence: str | None = None


def judge(version: Version, *, is_ours: bool) -> Verdict:
    """`is_ours`: the archive was compared with a commit record of our own repository."""
    if version.is_mended:
        return Verdict(may_read=True)
    first = f"{version.major}.{MENDED[version.major]}" if version.major in MENDED else None
    what = f"PostgreSQL {version} lets a crafted archive run any code ({CVE})"
    remedy = f"{first} does not" if first else "no release of that series is mended"
    if is_ours:
        sentence = (
            f"{what}, {remedy}: upgrade it. The copy was read all the same, since it is what its"
            " commit record says."
        )
        return Verdict(may_read=True, sentence=sentence)
    return Verdict(
        may_read=False, sentence=f"{what}, {remedy}, and this archive is not from our own stores."
    )
