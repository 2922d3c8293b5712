"""Who has died where, by their own last words."""

from dataclasses import dataclass
from pathlib import Path

from bench.killing.cycles import Cycle, is_in_bot
from jobs.runs.crashpoints import DIED_AT
from jobs.runs.run_folder import RunFolder


@dataclass(slots=True)
class Deaths:
    """The places of one cycle: those that have had their death, and those that still wait."""

    cycle: Cycle
    #: What the bots of this cycle have written to their standard error.
    log: Path
    _step: int = 0

    def of_bots(self) -> list[str]:
        """In their order."""
        return _last_words(self.log)

    def all_places(self, run_folders: list[Path]) -> list[str]:
        """Those of runs as well."""
        in_runs = [
            name for each in run_folders for name in _last_words(RunFolder(each).errors_file)
        ]
        return [*self.of_bots(), *in_runs]

    def awaited(self) -> str:
        """Where the next bot or its runs are to die; empty when they may live."""
        had = self.of_bots()
        while self._step < len(self.cycle.crashes):
            parts = self.cycle.crashes[self._step].split(",")
            left = [part for part in parts if part and part.partition(":")[0] not in had]
            if left:
                return ",".join(left)
            self._step += 1
        return ""

    def is_bot_to_die(self) -> bool:
        """Whether a bot has still to die, unless it never comes there."""
        return any(is_in_bot(part.partition(":")[0]) for part in self.awaited().split(",") if part)


def _last_words(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line.removeprefix(DIED_AT) for line in lines if line.startswith(DIED_AT)]
