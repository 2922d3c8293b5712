"""Recognises in the output of Zulip's scripts what they are doing, to show it as steps."""

import re
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from handlers.contract import Progress

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    r"(?:upgrade-zulip(?:-stage-3)?|restart-server|start-server|stop-server): (?P<said>.*)"
)
#: Django's own line for each migration, as it ends.
_MIGRATION = re.compile(r"\s*Applying (?P<name>[\w.]+)\.\.\. OK")
#: The beginning of a line, and the step that begins with it; only shown, nothing depends on them.
UPGRADING = (
    ("Archiving the tarball", "Keep a copy of the tarball"),
    ("Unpacking the tarball", "Unpack the release"),
    ("Upgrading from ", "Prepare the new deployment"),
    ("Upgrading system packages", "Upgrade the system's packages"),
    ("Installing static assets", "Install the static files"),
    ("Checking for needed migrations", "Look for migrations and changes of the system"),
    ("Stopping Zulip", "Stop Zulip"),
    ("Applying Puppet changes", "Apply changes of the system"),
    ("Applying database migrations", "Apply the migrations"),
    ("Restarting Zulip", "Start the new version"),
    ("Upgrade complete", "Reload clients and tidy up"),
)
RESTARTING = (
    ("Running syntax and database checks", "Let the old version check itself"),
    ("Restarting ", "Restart Zulip from the old deployment"),
)


class Steps(AbstractContextManager["Steps"]):
    """Turns lines into steps of the journal; within the block one of them is always under way."""

    def __init__(self, journal: Progress, first: str, lines: tuple[tuple[str, str], ...]) -> None:
        self._journal = journal
        self._lines = lines
        self._present = ""
        self._open = ExitStack()
        self._enter(first)

    def read(self, text: str) -> None:
        """Output of the tool, whole lines; all of it goes to output.log as well."""
        self._journal.output(text)
        for line in _COLOURS.sub("", text).splitlines():
            if found := _LINE.fullmatch(line.strip()):
                self._recognise(found["said"])
            elif migration := _MIGRATION.fullmatch(line.rstrip()):
                self._journal.progress(f"Applied {migration['name']}")

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(type_, value, traceback)

    def __enter__(self) -> Self:
        return self

    def _recognise(self, said: str) -> None:
        for beginning, title in self._lines:
            if said.startswith(beginning):
                if title != self._present:
                    self._enter(title)
                return
        self._journal.progress(said)

    def _enter(self, title: str) -> None:
        self._open.close()
        self._present = title
        self._open.enter_context(self._journal.step(title))
