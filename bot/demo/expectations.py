"""What the bot's answers in the tour of the demo have to be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """One answer: a sentence for people, and what is looked for (case does not matter)."""

    sentence: str
    words: tuple[str, ...]
    without: tuple[str, ...] = ()
    one_line: bool = False

    def holds(self, content: str) -> bool:
        text = content.casefold()
        return (
            all(word.casefold() in text for word in self.words)
            and not any(word.casefold() in text for word in self.without)
            and not (self.one_line and "\n" in content.strip())
        )


JOB_TOPIC = "backup now · #1"
#: `status` and the report of the schedule say the same.
_PARTS = ("**Zulip**: 9.2", "load", "memory", "disks", "PostgreSQL", "programs", "backups", "next")

HELP = Expected("the commands, each with an example", ("`@ops status`", "`@ops backup now`"))
STATUS = Expected("every part of the server, and none unknown", _PARTS, ("unknown",))
ACCEPTED = Expected("the job's number and its topic, in one line", ("#1", JOB_TOPIC), one_line=True)
CARD = Expected("a plan to consent to", ("To confirm", "Way back", "✅", "@_**Iago|"))
PROGRESS = Expected("a status message in which every step is done", ("✔",), ("…", "✘", "running"))
END = Expected(
    "how the backup ended, told to Iago", ("succeeded", "read back whole from both", "@**Iago|")
)
TYPO = Expected("the command that was meant, in one line", ("`@ops backup now`",), one_line=True)
BAD_ARGUMENT = Expected(
    "what is wrong with `twelve`, and an example, in one line",
    ("twelve", "`@ops job 12`"),
    one_line=True,
)
REFUSAL = Expected(
    "which role Hamlet would need, in one line", ("operator", "viewer"), one_line=True
)
LATER = Expected(
    "what it will do, and that it comes with a later version, in one line",
    ("1.4", "backup", "later version"),
    one_line=True,
)
HISTORY = Expected(
    "one job, Iago's, and no other", ("#1", "backup now", "succeeded", "Iago"), ("#2", "Hamlet")
)
JOB = Expected("the whole job", ("#1", "backup now", "succeeded", "Iago", "✅", "routine"))
REPORT = Expected("the scheduled status report, in a topic of its own", _PARTS)


def listed(snapshot: str) -> Expected:
    """The list of copies, with this one."""
    return Expected(
        "the new backup, verified in both stores", (snapshot, "local", "s3"), ("not verified",)
    )
