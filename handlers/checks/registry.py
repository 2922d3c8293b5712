"""The list of checks, by hand."""

from handlers.checks import (
    backups,
    disks,
    drills,
    memory,
    postgresql,
    recovery_key,
    supervisor,
    uptime_load,
    zulip_version,
)
from handlers.checks.contract import Check

#: In the order in which `status` tells them.
CHECKS: tuple[Check, ...] = (
    zulip_version.CHECK,
    uptime_load.CHECK,
    memory.CHECK,
    disks.CHECK,
    postgresql.CHECK,
    supervisor.CHECK,
    backups.CHECK,
    drills.CHECK,
    recovery_key.CHECK,
)
