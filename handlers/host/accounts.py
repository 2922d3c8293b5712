"""Finds the account that a program is to run as."""

import os
import pwd
from typing import TypedDict

from handlers.errors import HostFailure, Reason


class Identity(TypedDict, total=False):
    """What a new process becomes; empty to stay who we are."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: str | None) -> Identity:
    """User, group and further groups of an account; HostFailure when we cannot become it."""
    if user is None:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise HostFailure(
            f"There is no account `{user}` on this host.", reason=Reason.NOT_CONFIGURED
        ) from None
    if account.pw_uid == os.geteuid():
        return {}
    if os.geteuid() != 0:
        raise HostFailure(
            f"Only root can start a program as `{user}`.", reason=Reason.NOT_CONFIGURED
        )
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(user, account.pw_gid),
    }
