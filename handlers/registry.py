"""The list of operations, by hand: name, module and static declaration; it imports no handler."""

from handlers.contract import Declaration

DECLARATIONS: tuple[Declaration, ...] = ()


def declaration(name: str, among: tuple[Declaration, ...] = DECLARATIONS) -> Declaration:
    """The operation of this name or former name; KeyError when there is none."""
    for each in among:
        if name == each.name or name in each.aliases:
            return each
    raise KeyError(name)
