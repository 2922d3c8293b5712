"""Is there memory left?"""

import re

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.errors import HostFailure
from handlers.wording import size

_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
#: Shares of all memory that new processes can still get.
_WARNING_SHARE = 0.10
_CRITICAL_SHARE = 0.05


def observe(context: Context) -> Finding:
    path = context.layout.proc("meminfo")
    lines = {name: int(kilobytes) * 1024 for name, kilobytes in _LINE.findall(path.read_text())}
    missing = [name for name in ("MemTotal", "MemAvailable") if not lines.get(name)]
    if missing:
        raise HostFailure(f"{path} says nothing of {' and '.join(missing)}.")
    total, available = lines["MemTotal"], lines["MemAvailable"]
    swap_total, swap_free = lines.get("SwapTotal", 0), lines.get("SwapFree", 0)
    level = Level.OK
    if available < total * _WARNING_SHARE:
        level = Level.WARNING
    if available < total * _CRITICAL_SHARE:
        level = Level.CRITICAL
    return Finding(
        level,
        f"{100 * available / total:.0f} % of {size(total)} is available; "
        f"{_swap(swap_total, swap_free)}.",
        {
            "total": total,
            "available": available,
            "swap_total": swap_total,
            "swap_free": swap_free,
        },
        None
        if level is Level.OK
        else "Run `ps aux --sort=-rss | head` on the host; a restart of Zulip frees what leaked.",
    )


def _swap(total: int, free: int) -> str:
    return f"{size(total - free)} of {size(total)} of swap is used" if total else "no swap"


CHECK = Check("memory", "There is memory left", observe)
