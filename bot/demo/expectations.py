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


@dataclass(frozen=True, slots=True)
class Showing:
    """One job: what is typed, in which topic it is told, and what the messages have to be."""

    command: str
    topic: str
    accepted: Expected
    card: Expected
    end: Expected


JOB_TOPIC = "backup now · #1"
#: `status` and the report of the schedule say the same.
_PARTS = ("**Zulip**: ", "load", "memory", "disks", "PostgreSQL", "programs", "backups", "next")

HELP = Expected("the commands, each with an example", ("`@ops status`", "`@ops backup now`"))
STATUS = Expected(
    "every part of the server, and none unknown", (*_PARTS, "1.3 is running"), ("unknown",)
)
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
HISTORY = Expected(
    "one job, Iago's, and no other", ("#1", "backup now", "succeeded", "Iago"), ("#2", "Hamlet")
)
JOB = Expected("the whole job", ("#1", "backup now", "succeeded", "Iago", "✅", "routine"))
REPORT = Expected("the scheduled status report, in a topic of its own", _PARTS)

BACKUP = Showing("backup now", JOB_TOPIC, ACCEPTED, CARD, END)


def disruptive(command: str, job: int, plan: tuple[str, ...], end: tuple[str, ...]) -> Showing:
    """A job that another person approves, and during which Zulip is away."""
    topic = f"{command.partition(' ')[0]} · #{job}"
    return Showing(
        command,
        topic,
        Expected("the job's number and its topic, in one line", (f"#{job}", topic), one_line=True),
        Expected(
            "a plan for another person to approve",
            ("To approve", "disruptive", "Way back", *plan),
        ),
        Expected(
            "how it ended, how long Zulip was away, and what runs now",
            ("succeeded", "It did not answer for", "measured from outside", *end),
        ),
    )


UPGRADE = disruptive(
    "upgrade 1.4",
    2,
    ("from 1.3 to 1.4", "tarball", "migrations"),
    ("from 1.3 to 1.4", "was verified before", "rollback"),
)
ROLLBACK = disruptive(
    "rollback", 3, ("from Zulip 1.4 to 1.3",), ("went back from 1.4 to 1.3", "runs 1.3")
)


def listed(snapshot: str) -> Expected:
    """The list of copies, with this one."""
    return Expected(
        "the new backup, verified in both stores", (snapshot, "local", "s3"), ("not verified",)
    )
