"""Asks supervisord which of Zulip's programs are running."""

import re
from dataclasses import dataclass
from datetime import timedelta

from handlers.errors import HostFailure, Reason
from handlers.host import processes
from handlers.host.layout import Layout

TIME_LIMIT = timedelta(seconds=10)
_LINE = re.compile(
    r"(?P<name>\S+)\s+"
    r"(?P<state>RUNNING|STARTING|STOPPED|STOPPING|BACKOFF|EXITED|FATAL|UNKNOWN)\b\s*(?P<detail>.*)"
)
#: `supervisorctl status` ends with 0 when everything runs and with 3 when something does not.
_ANSWERED = (0, 3)


@dataclass(frozen=True, slots=True)
class Program:
    """One program of supervisord, as `supervisorctl status` tells it."""

    #: With its group, as supervisorctl takes it: `zulip-workers:zulip_events_embed_links`.
    name: str
    state: str
    #: `pid 16588, uptime 0:01:24`, `Not started` or what went wrong.
    detail: str

    @property
    def running(self) -> bool:
        return self.state == "RUNNING"


def list_programs(layout: Layout, timeout: timedelta = TIME_LIMIT) -> tuple[Program, ...]:
    """Every program of supervisord, in its order.

    Raises HostFailure when supervisorctl is missing, takes too long or cannot reach supervisord
    (exit code 4: asked for nothing by name, it can mean nothing else).
    """
    if not layout.supervisorctl.exists():
        raise HostFailure(
            f"There is no {layout.supervisorctl}.",
            reason=Reason.NOT_CONFIGURED,
            hint="Check `host.root` in zulip-ops.toml, or install supervisor.",
        )
    argv = (str(layout.supervisorctl), "status")
    completed = processes.run(argv, timeout=timeout, check=False)
    if completed.exit_code not in _ANSWERED:
        said = (completed.output + completed.errors).strip().splitlines()
        raise HostFailure(
            f"supervisorctl status ended with exit code {completed.exit_code}"
            + (f": {said[-1]}." if said else "."),
            hint="Run `systemctl status supervisor` on the host.",
        )
    return parse_programs(completed.output)


def parse_programs(text: str) -> tuple[Program, ...]:
    """The programs in the output of `supervisorctl status`; lines of any other shape are noise."""
    found = (_LINE.fullmatch(line.rstrip()) for line in text.splitlines())
    return tuple(
        Program(line["name"], line["state"], line["detail"]) for line in found if line is not None
    )
