"""Shows a run on a terminal while it goes on, and how it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.replies.copies import shown
from handlers.wording import duration
from jobs.journal import ResultStatus, RunResult
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import RecordKind
from jobs.runs.run_folder import RunFolder

LOOK_EVERY_SECONDS = 0.2
#: Why no result will come any more; None while one may.
WhyNoResult = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class RunDisplay:
    """Each step as it begins, one line each."""

    say: Callable[[str], None]
    #: What runs.
    operation: str = ""

    def follow(self, folder: RunFolder, why_none: WhyNoResult) -> RunResult | str:
        """The result, once there is one; or the sentence that says why none will come."""
        reader = JournalReader(folder.journal_file)
        while True:
            # In this order, so that a result that comes meanwhile is not missed.
            gone, ended = why_none(), folder.has_ended
            for record in reader.read() if reader.has_more() else ():
                if record.kind is RecordKind.STEP:
                    self.say(f"  {record.content.get('title')} ...")
            if ended:
                result = folder.read_result()
                assert result is not None
                return result
            if gone is not None:
                return gone
            time.sleep(LOOK_EVERY_SECONDS)

    def tell(self, result: RunResult | str) -> int:
        """The end in words; the exit code that it deserves."""
        if isinstance(result, str):
            self.say(result)
            return 1
        took = duration((result.ended_at - result.started_at).total_seconds())
        self.say(f"{result.status.value} after {took}: {result.sentence}")
        for line in (result.state, result.hint):
            if line:
                self.say(line)
        if (what := shown(self.operation, result.facts, "ops")) is not None:
            self.say(what)
        return 0 if result.status is ResultStatus.SUCCEEDED else 1

    def tell_unmet(self, result: RunResult) -> bool:
        """Whether a plan has preconditions that do not hold; each is said."""
        checks = result.plan.preconditions if result.plan else ()
        unmet = [check.sentence for check in checks if not check.holds]
        for sentence in unmet:
            self.say(sentence)
        return bool(unmet)
