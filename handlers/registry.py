"""The list of operations, by hand: name, module and static declaration; it imports no handler."""

from dataclasses import replace
from datetime import timedelta

from handlers.contract import Declaration, Effect, Kind, Parameter

_COMMAND = r"[A-Za-z][ -~]{0,200}"
_NAME = Parameter(
    "name",
    Kind.WORD,
    "the schedule's name",
    "nightly",
    positional=True,
    required=True,
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
)
_CRON = Parameter(
    "cron",
    Kind.WORD,
    "minute, hour, day of the month, month, day of the week",
    '"0 2 * * *"',
    pattern=r"[0-9A-Za-z*/,# -]{1,80}",
)
_TIMING = (
    Parameter(
        "tz",
        Kind.WORD,
        "the time zone in which that is read",
        "Europe/Berlin",
        pattern=r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}",
        place="zone",
    ),
    Parameter(
        "catch_up",
        Kind.CHOICE,
        "what becomes of runs that were missed",
        "once",
        choices=("once", "skip", "all"),
    ),
    Parameter("grace", Kind.INTEGER, "after how many minutes a run counts as missed", "60"),
)

_ONLY = Parameter(
    "only", Kind.CHOICE, "this part alone", "database", choices=("database", "uploads")
)
_IDENTITY = Parameter(
    "identity",
    Kind.WORD,
    "on the host: the file of a key that opens the copy",
    "/root/recovery.key",
    pattern=r"/[A-Za-z0-9._/-]{1,200}",
    place="file",
    on_host_only=True,
)

#: What a release of Zulip is called: 9.2, 10.0-beta1.
RELEASE_PATTERN = r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?(-(beta|rc)[0-9]{1,2})?"

_COPY = Parameter(
    name="copy",
    kind=Kind.WORD,
    summary="the number of the job that made it, or its id",
    example="12",
    positional=True,
    required=True,
    pattern=r"[1-9][0-9]{0,18}|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}",
)

DECLARATIONS: tuple[Declaration, ...] = (
    Declaration(
        name="backup now",
        summary="Back up database, uploads and configuration, and read the copy back",
        module="handlers.backups.take_backup",
        effect=Effect.ROUTINE,
        example="backup now",
        parameters=(
            Parameter("to", Kind.WORD, "copy only to this store", "local", place="store"),
            Parameter(
                "only",
                Kind.CHOICE,
                "copy one part alone, which counts as no backup",
                "uploads",
                choices=("database", "uploads", "config"),
            ),
        ),
        time_limit=timedelta(hours=12),
        leaves_nothing=True,
    ),
    Declaration(
        name="upgrade",
        summary="Upgrade Zulip within its series, after a verified backup",
        module="handlers.upgrades.upgrade",
        effect=Effect.DISRUPTIVE,
        example="upgrade 9.4",
        parameters=(
            Parameter(
                name="version",
                kind=Kind.WORD,
                summary="the release to upgrade to",
                example="9.4",
                positional=True,
                required=True,
                pattern=RELEASE_PATTERN,
            ),
        ),
        time_limit=timedelta(hours=16),
    ),
    Declaration(
        name="rollback",
        summary="Go back to the deployment that ran before, if the database allows it",
        module="handlers.upgrades.rollback",
        effect=Effect.DISRUPTIVE,
        example="rollback",
        time_limit=timedelta(minutes=30),
    ),
    Declaration(
        name="backup show",
        summary="Show one copy whole, or how it is restored by hand",
        module="handlers.backups.showing.show_backup",
        effect=Effect.READ,
        example="backup show 12",
        parameters=(
            _COPY,
            Parameter(
                "by_hand",
                Kind.FLAG,
                "the commands that restore it with age, zstd, tar and PostgreSQL alone",
                "--by-hand",
            ),
        ),
        time_limit=timedelta(minutes=5),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup verify",
        summary="Read one copy back whole from where it lies, in every store that has it",
        module="handlers.backups.reading.verify_backup",
        # It reads much, for which a bucket may be paid, and later backups rely on what it notes.
        effect=Effect.ROUTINE,
        example="backup verify 12",
        parameters=(
            _COPY,
            Parameter("store", Kind.WORD, "read it only in this store", "local", place="store"),
        ),
        time_limit=timedelta(hours=12),
        leaves_nothing=True,
    ),
    Declaration(
        name="drill",
        summary="Restore a copy into a throw-away PostgreSQL, to prove it",
        module="handlers.backups.drills.drill",
        effect=Effect.ROUTINE,
        example="drill",
        parameters=(
            replace(_COPY, required=False, summary=f"{_COPY.summary}; left out: the newest"),
            Parameter(
                "complete",
                Kind.FLAG,
                "read every row and every upload, not samples",
                "--complete",
            ),
            Parameter("store", Kind.WORD, "from this store", "local", place="store"),
            Parameter(
                "negative_control",
                Kind.FLAG,
                "see whether drills of a damaged copy fail, as they have to",
                "--negative-control",
            ),
        ),
        time_limit=timedelta(hours=12),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup prune",
        summary="Let copies go that no rule wants, after a grace in which they stay",
        module="handlers.backups.retention.prune_backups",
        effect=Effect.ROUTINE,
        example="backup prune",
        parameters=(
            Parameter("store", Kind.WORD, "prune only this store", "local", place="store"),
        ),
        time_limit=timedelta(hours=6),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup keep",
        summary="Keep one copy until a time, whatever the rules say, or no longer",
        module="handlers.backups.retention.keep_backup",
        effect=Effect.ROUTINE,
        example="backup keep 12 until 2027-01-31",
        parameters=(
            _COPY,
            Parameter(
                name="until",
                kind=Kind.TEXT,
                summary="`until` and a time, `for` and a length of time, or `off`",
                example="until 2027-01-31",
                positional=True,
                required=True,
                longest=60,
            ),
        ),
        time_limit=timedelta(minutes=10),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup delete",
        summary="Delete one copy at once and for good",
        module="handlers.backups.retention.delete_backup",
        effect=Effect.DESTRUCTIVE,
        example="backup delete 12",
        parameters=(
            _COPY,
            Parameter("store", Kind.WORD, "delete it only there", "local", place="store"),
        ),
        time_limit=timedelta(hours=1),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup probe",
        summary="Find out what a store can do, and what is therefore not relied on",
        module="handlers.backups.probing.probe_stores",
        # It writes small objects, and later work relies on what it notes.
        effect=Effect.ROUTINE,
        example="backup probe",
        parameters=(
            Parameter(
                "store", Kind.WORD, "probe only this store", "local", positional=True, place="store"
            ),
        ),
        time_limit=timedelta(minutes=10),
        leaves_nothing=True,
    ),
    Declaration(
        name="backup key check",
        summary="See whether somebody still holds the recovery key",
        module="handlers.backups.custody.check_key",
        # It changes nothing but what is known: who can open the question has shown it.
        effect=Effect.READ,
        example="backup key check",
        parameters=(
            Parameter(
                "answer",
                Kind.WORD,
                "what the sealed question says",
                "K7QM-2XNR-9D4T-HWE3",
                positional=True,
                pattern=r"[0-9A-Za-z]{4}(-?[0-9A-Za-z]{4}){3}",
            ),
        ),
        time_limit=timedelta(minutes=5),
        leaves_nothing=True,
    ),
    Declaration(
        name="restore plan",
        summary="Show what a restore would do, cost and lose, and what is in its way",
        module="handlers.restores.restore_plan",
        effect=Effect.READ,
        example="restore plan 12",
        parameters=(_COPY, _ONLY, _IDENTITY),
        time_limit=timedelta(minutes=10),
        leaves_nothing=True,
    ),
    Declaration(
        name="restore",
        summary="Restore a copy: beside what is there, checked, then swapped in",
        module="handlers.restores.restore",
        effect=Effect.DESTRUCTIVE,
        example="restore 12 --server chat.example.org",
        parameters=(
            _COPY,
            Parameter(
                "server",
                Kind.WORD,
                "the name of this server, as its EXTERNAL_HOST says",
                "chat.example.org",
                required=True,
                pattern=r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:[0-9]{1,5})?",
                place="name",
            ),
            _ONLY,
            _IDENTITY,
        ),
        time_limit=timedelta(hours=24),
        rewinds_messages=True,
    ),
    Declaration(
        name="schedule add",
        summary="Have a command run by itself",
        module="handlers.schedules.set_schedule",
        effect=Effect.ROUTINE,
        example='schedule add nightly "backup now" --cron "0 2 * * *" --tz Europe/Berlin',
        parameters=(
            _NAME,
            Parameter(
                "command",
                Kind.WORD,
                "the command, in quotes",
                '"backup now"',
                positional=True,
                required=True,
                pattern=_COMMAND,
            ),
            replace(_CRON, required=True),
            *_TIMING,
        ),
        time_limit=timedelta(minutes=1),
        leaves_nothing=True,
        effect_of="command",
        touches_host=False,
    ),
    Declaration(
        name="schedule change",
        summary="Change what a schedule runs, or when",
        module="handlers.schedules.set_schedule",
        effect=Effect.ROUTINE,
        example='schedule change nightly --cron "30 3 * * *"',
        parameters=(
            _NAME,
            Parameter("command", Kind.WORD, "another command", '"backup now"', pattern=_COMMAND),
            _CRON,
            *_TIMING,
        ),
        time_limit=timedelta(minutes=1),
        leaves_nothing=True,
        effect_of="command",
        touches_host=False,
    ),
)


def declaration(name: str, among: tuple[Declaration, ...] = DECLARATIONS) -> Declaration:
    """The operation of this name or former name; KeyError when there is none."""
    for each in among:
        if name == each.name or name in each.aliases:
            return each
    raise KeyError(name)
