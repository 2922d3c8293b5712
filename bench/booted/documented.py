"""Takes from a document the commands that it tells people to type."""

from pathlib import Path

FENCE = "```"


def commands(document: Path, section: str) -> list[str]:
    """The lines in all fences below the heading `## section`; LookupError when there are none."""
    found: list[str] = []
    inside = fenced = False
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            inside = line.removeprefix("## ") == section
        elif line.startswith(FENCE):
            fenced = not fenced
        elif inside and fenced and line:
            found.append(line)
    if not found:
        raise LookupError(f"{document} tells no commands below `{section}`")
    return found
