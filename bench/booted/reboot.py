"""Reboots in the middle of a run, and sees after the reboot what has become of it."""

import json
from collections.abc import Mapping
from pathlib import Path

from bench.booted.systemd import shell, shown, until
from bench.booted.talk import Talk, ended_at, sentence_of, status_of
from bench.booted.tree import say

#: Outlives the reboot: the number of the job that did not.
JOB = Path("/var/lib/zulip-ops-job-before-the-reboot")
_GOES_DOWN_SECONDS = 60


def reboot_during_a_run(talk: Talk) -> None:
    """Without a word to anybody, as when the power is lost; does not return."""
    with talk.backup_held():
        JOB.write_text(str(talk.begin_backup()))
        shell("systemctl reboot --force --force")
        until(lambda: False, "the system goes down", _GOES_DOWN_SECONDS)


def was_rebooted() -> bool:
    return JOB.exists()


def figures_after_the_reboot(result: Path) -> Mapping[str, float | None]:
    """Those found before it, and what the bot, started by systemd, made of the run."""
    job = int(JOB.read_text())
    until(lambda: status_of(job) in {"failed", "interrupted"}, "its verdict", 90)
    started = int(shown("ExecMainStartTimestamp", stamp="unix").lstrip("@"))
    say(f"Job {job} {status_of(job)}: {sentence_of(job)}")
    found: dict[str, float | None] = json.loads(result.read_text())
    is_told = "machine was restarted" in sentence_of(job) and shown("ActiveState") == "active"
    return found | {
        "verdict_after_reboot_seconds": round(ended_at(job) - started, 1),
        "reboot_told": float(is_told),
    }
