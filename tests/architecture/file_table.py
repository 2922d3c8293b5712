"""The table of files in ARCHITECTURE.md, written by running this module with --fix."""

import sys
from itertools import groupby
from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, Source, sources

PAGE = ROOT / "ARCHITECTURE.md"
BEGIN = "<!-- file table: begin (written by python -m tests.architecture.file_table --fix) -->"
END = "<!-- file table: end -->"


def table() -> str:
    """One table a folder; each line is a file and the sentence it begins with."""
    listed = [one for package in PACKAGES for one in sorted(sources(package), key=_place)]
    folders = groupby(listed, key=lambda one: one.path.parent)
    return "\n\n".join(_section(list(files)) for _, files in folders)


def page_with_table(page: str) -> str:
    """The page with what lies between the two marks replaced."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE.name} has lost one of the marks of its file table.")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _place(source: Source) -> tuple[Path, str]:
    return source.path.parent, source.path.name


def _section(files: list[Source]) -> str:
    head = files[0].path.parent.relative_to(ROOT).as_posix()
    lines = [f"| `{head}/` | |", "|---|---|"]
    lines += [f"| `{one.path.name}` | {_sentence(one)} |" for one in files]
    return "\n".join(lines)


def _sentence(source: Source) -> str:
    return source.sentence.replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--fix"]:
        PAGE.write_text(page_with_table(PAGE.read_text()))
    else:
        sys.stdout.write(table() + "\n")
