"""The programs of the sample host's supervisord, and the command that tells of them."""

import json
import sys
import time
from pathlib import Path

from bot.demo.sample_host import supervisorctl
from handlers.host.layout import Layout

QUEUES = (
    *("deferred_work", "digest_emails", "email_mirror", "email_senders", "embed_links"),
    *("embedded_bots", "missedmessage_emails", "missedmessage_mobile_notifications"),
    *("outgoing_webhooks", "thumbnail", "user_activity", "user_activity_interval"),
)
NAMES = (
    *("process-fts-updates", "zulip-django", "zulip-katex", "zulip-tornado"),
    *(f"zulip-workers:zulip_events_{queue}" for queue in QUEUES),
)


def install(layout: Layout) -> None:
    """Everything runs, and `supervisorctl` below the root says so."""
    file = _file(layout)
    file.parent.mkdir(parents=True, exist_ok=True)
    layout.supervisorctl.parent.mkdir(parents=True, exist_ok=True)
    # Beside and renamed: what somebody runs at this moment cannot be written.
    beside = layout.supervisorctl.with_name("supervisorctl.new")
    # Through sh, because the path of an interpreter may be too long for a first line.
    beside.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -I -S "{supervisorctl.__file__}" "{file}" "$@"\n',
        encoding="utf-8",
    )
    beside.chmod(0o755)
    beside.rename(layout.supervisorctl)
    supervisorctl.write(file, {name: _running() for name in NAMES})


def change(layout: Layout, name: str, state: str, detail: str | None = None) -> None:
    """Bring one program into a state, as if supervisord had seen it happen; KeyError for others."""
    programs: supervisorctl.Programs = json.loads(_file(layout).read_text(encoding="utf-8"))
    if name not in programs:
        raise KeyError(name)
    stopped: supervisorctl.Program = {
        "state": state,
        "detail": detail or "Nov 23 01:09 PM",
        "at": None,
    }
    programs[name] = _running() if state == "RUNNING" else stopped
    supervisorctl.write(_file(layout), programs)


def remove_supervisord(layout: Layout) -> None:
    """From now on supervisorctl reaches nobody."""
    _file(layout).unlink()


def _running() -> supervisorctl.Program:
    return {"state": "RUNNING", "detail": None, "at": time.time()}


def _file(layout: Layout) -> Path:
    return layout.root / "var/run/sample-programs.json"
