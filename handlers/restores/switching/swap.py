"""Swaps what was restored beside with what Zulip uses, by renaming, and swaps it back."""

from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import databases, directories
from handlers.restores.switching.arrangement import DATABASE, UPLOADS, Arrangement, Names, look


def forward(context: Context, parts: tuple[str, ...]) -> list[str]:
    """Put the restored parts in place; Zulip has to be stopped. Who was disconnected.

    Both names of the database change in one transaction. Raises HostFailure; what holds then is
    for `look` to say.
    """
    names, ended = Names.of(context), list[str]()
    if DATABASE in parts:
        ended = databases.rename(
            context.host.database,
            {names.database: names.old_database, names.new_database: names.database},
        )
    if UPLOADS in parts:
        _swap_uploads(names)
    return ended


def back(context: Context, names: Names) -> Arrangement:
    """Whatever holds, bring back what was there before; Zulip has to be stopped.

    It goes by what is found, not by what was believed to have been done. Raises HostFailure.
    """
    found = look(context, names)
    if found.database_is_swapped:
        databases.rename(
            context.host.database,
            {names.database: names.new_database, names.old_database: names.database},
        )
    try:
        if found.uploads_are_swapped:
            names.uploads.rename(names.new_uploads)
        if found.has_old_uploads:
            names.old_uploads.rename(names.uploads)
            directories.sync(names.uploads.parent)
    except OSError as error:
        raise _cannot_rename(names, error) from error
    return look(context, names)


def _swap_uploads(names: Names) -> None:
    try:
        if names.uploads.is_dir():
            names.uploads.rename(names.old_uploads)
        names.new_uploads.rename(names.uploads)
        directories.sync(names.uploads.parent)
    except OSError as error:
        raise _cannot_rename(names, error) from error


def _cannot_rename(names: Names, error: OSError) -> HostFailure:
    return HostFailure(
        f"The uploads in {names.uploads.parent} could not be renamed: {error.strerror}."
    )
