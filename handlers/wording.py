"""How sizes and lengths of time are written in sentences, everywhere alike."""

import json
import re

from handlers.contract import JSON

_PROPER_NAMES = {"zulip": "Zulip", "postgresql": "PostgreSQL"}
#: What people call the parts that can be copied alone.
PARTS = {"database": "the database", "uploads": "the uploads", "config": "the configuration"}
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size(byte_count: float) -> str:
    """A number of bytes as people read it: `1.8 GB`, decimal units, as disks are sold."""
    value = float(byte_count)
    for unit in _UNITS:
        if abs(value) < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "bytes":
        return f"{int(value)} bytes"
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """A length of time with at most two units: `4 min 12 s`, `3 days 2 h`."""
    if 0 <= seconds < 0.005:
        return "less than 0.01 s"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [
        f"{days} day{'' if days == 1 else 's'}" if days else "",
        f"{hours} h" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{left} s" if left else "",
    ]
    return " ".join([part for part in parts if part][:2])


def missing_files(missing: int) -> str:
    """What is wrong with an inconsistent copy."""
    if missing == 1:
        return "a file that its database names was not on the server"
    return f"{missing:,} files that its database names were not on the server"


def label(name: str) -> str:
    """What a fact is called for people: `database_bytes` is the `database`."""
    words = re.sub(r"(?<=.)_(bytes|seconds|sha256)$", "", name).split("_")
    return " ".join(_PROPER_NAMES.get(word, word) for word in words)


def worded(name: str, value: JSON) -> str:
    """A fact's value for people; the unit is read off the name, as everywhere in the house."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and name.endswith("bytes"):
        return size(value)
    if isinstance(value, int | float) and name.endswith("seconds"):
        return duration(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
