"""Turns what stops a program into one sentence and an exit code."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bot.zulip_api.zuliprc import ZuliprcError
from handlers.errors import OpsError, Reason
from jobs.configuration_file import ConfigurationError
from state.database import DatabaseBusy, DatabaseUnusable, DiskRefuses

#: Something has to be put right first (sysexits has 78 for it; 2 is what tools use for usage).
CONFIGURATION = 2
#: It was tried and did not succeed.
FAILED = 1
#: It may work later (EX_TEMPFAIL).
TRY_AGAIN = 75

#: A service manager that starts the bot again finds out when that is over.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


@contextmanager
def in_words() -> Iterator[None]:
    """Exit with a sentence on standard error, never with a traceback, for what people can mend."""
    try:
        yield
    except (DatabaseBusy, DiskRefuses) as error:
        _leave(error.message, None, TRY_AGAIN)
    except ConfigurationError as error:
        _leave(error.message, error.hint, CONFIGURATION)
    except DatabaseUnusable as error:
        _leave(error.message, None, CONFIGURATION)
    except ZuliprcError as error:
        _leave(str(error), None, CONFIGURATION)
    except OpsError as error:
        _leave(error.message, error.hint, TRY_AGAIN if error.reason is Reason.BUSY else FAILED)
    except OSError as error:
        what = error.filename or "The system"
        code = TRY_AGAIN if error.errno in _OF_THE_DISK else CONFIGURATION
        _leave(f"{what}: {error.strerror or error}.", None, code)


def _leave(message: str, hint: str | None, code: int) -> None:
    sys.stderr.write(f"zulip-ops: {message}{f' {hint}' if hint else ''}\n")
    sys.exit(code)
