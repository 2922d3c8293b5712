"""Holds the files that the database names against those of one scan, while these pass by.

Both come in one order, so neither is held. Uploads are scanned after the moment that the dump
shows: a file that the database names then is there, unless it was lost, or Zulip deleted it
meanwhile. Before a file is called missing the database of now is asked whether it still names it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from handlers.backups.contents.named_files import Named, order
from handlers.backups.repository import NamedFiles

#: Asked again at a time.
BATCH = 500
#: In the commit record; the rest is counted.
NAMED_FILES = 20
#: Zulip removes a file and its row one after the other: one more look after this time.
PAUSE_SECONDS = 1.0

AskAgain = Callable[[Sequence[Named]], Sequence[Named]]


@dataclass(slots=True)
class Lookup:
    """One scan of the uploads, beside what the database names."""

    named: Iterator[Named]
    ask_again: AskAgain
    _next: Named | None = None
    _counts: dict[str, int] = field(default_factory=dict)
    _unseen: list[Named] = field(default_factory=list)
    _missing: list[Named] = field(default_factory=list)
    _more_missing: int = 0
    _deleted: int = 0

    def __post_init__(self) -> None:
        self._next = next(self.named, None)

    def passes(self, path: str, *, has_content: bool = True) -> None:
        """A file of the copy; each comes after the one before it in the order of the scan."""
        here = None
        while (each := self._next) is not None:
            if each.path != path:
                here = here or order(path)
                if each.order > here:
                    return
            self._take(each, is_there=each.path == path and has_content)

    def finish(self) -> NamedFiles:
        """After the last file."""
        while (each := self._next) is not None:
            self._take(each, is_there=False)
        self._ask()
        if len(self._missing) > 0 and not self._more_missing:
            time.sleep(PAUSE_SECONDS)
            self._unseen, self._missing = self._missing, []
            self._ask()
        return NamedFiles(
            counts=self._counts,
            missing=len(self._missing) + self._more_missing,
            first_missing=tuple(each.path for each in self._missing[:NAMED_FILES]),
            deleted_meanwhile=self._deleted,
        )

    def _take(self, each: Named, *, is_there: bool) -> None:
        self._counts[each.kind] = self._counts.get(each.kind, 0) + 1
        if not is_there:
            self._unseen.append(each)
            if len(self._unseen) >= BATCH:
                self._ask()
        self._next = next(self.named, None)

    def _ask(self) -> None:
        if not self._unseen:
            return
        still = self.ask_again(self._unseen)
        self._deleted += len(self._unseen) - len(still)
        room = max(0, BATCH - len(self._missing))
        self._missing += still[:room]
        self._more_missing += len(still[room:])
        self._unseen = []
