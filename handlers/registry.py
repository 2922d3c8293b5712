"""The list of operations, by hand: name, module and static declaration; it imports no handler."""

from datetime import timedelta

from handlers.contract import Declaration, Effect, Kind, Parameter

DECLARATIONS: tuple[Declaration, ...] = (
    Declaration(
        name="backup now",
        summary="Back up database, uploads and configuration, and read the copy back",
        module="handlers.backups.take_backup",
        effect=Effect.ROUTINE,
        example="backup now",
        parameters=(Parameter("to", Kind.WORD, "copy only to this store", "local", place="store"),),
        time_limit=timedelta(hours=12),
        leaves_nothing=True,
    ),
)


def declaration(name: str, among: tuple[Declaration, ...] = DECLARATIONS) -> Declaration:
    """The operation of this name or former name; KeyError when there is none."""
    for each in among:
        if name == each.name or name in each.aliases:
            return each
    raise KeyError(name)
