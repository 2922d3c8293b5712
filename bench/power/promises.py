"""What the recorded processes had promised by a moment: what was told must not be lost."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from bench.power.calls import EXITS, SENDS, Call

#: The code of 👀 as it stands in a request.
EYES = b"emoji_code=1f440"
_REACTION = re.compile(rb"POST /api/v1/messages/(\d+)/reactions ")
_MESSAGE = re.compile(rb"POST /api/v1/messages ")
CLAIM = "pid.json"
RESULT = "result.json"


@dataclass(slots=True)
class Promises:
    """Read off the calls in their order, and off nothing that the program says of itself."""

    root: Path
    #: Messages that were answered with 👀: their command is received.
    acknowledged: set[int] = field(default_factory=set)
    #: Messages that the bot has posted, or may have: each was marked in the outbox before.
    posted: int = 0
    #: Runs that have changed something outside their folder: they have begun, whatever happens.
    begun: set[str] = field(default_factory=set)
    #: Runs whose process has ended in order: their result is told.
    ended: set[str] = field(default_factory=set)
    #: The present runner, and by thread who wrote a result.
    _claimed: str | None = None
    _writers: dict[int, str] = field(default_factory=dict)
    #: The head of a request by thread: head and body are sent one after the other.
    _reacting: dict[int, int] = field(default_factory=dict)

    def begin(self, call: Call) -> None:
        """What counts from the moment at which a call begins: nobody can take back what is sent."""
        if call.name == SENDS:
            self._sent(call)

    def end(self, call: Call) -> None:
        """What counts once a call has ended."""
        if call.name == EXITS:
            if call.result == 0 and call.thread in self._writers:
                self.ended.add(self._writers[call.thread])
            return
        if call.name == "link" and call.path(1).name == CLAIM:
            self._claimed = call.path(1).parent.name
        elif call.name == "rename" and call.path(1).name == RESULT:
            self._writers[call.thread] = call.path(1).parent.name
        elif call.name in {"mkdir", "link"} and self._claimed and self._is_effect(call):
            self.begun.add(self._claimed)

    def _sent(self, call: Call) -> None:
        data = call.data(1)
        if reaction := _REACTION.match(data):
            self._reacting[call.thread] = int(reaction[1])
        elif _MESSAGE.match(data):
            self.posted += 1
        if EYES in data and call.thread in self._reacting:
            self.acknowledged.add(self._reacting[call.thread])

    def _is_effect(self, call: Call) -> bool:
        return call.path(0).is_relative_to(self.root / "backups")
