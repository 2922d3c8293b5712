"""What is tried on the booted system, in this order: the document's steps, then what may happen."""

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.booted.documented import commands
from bench.booted.systemd import (
    UNIT,
    exposure,
    processes_of_bot,
    shell,
    shown,
    systemctl,
    until,
)
from bench.booted.talk import (
    Talk,
    is_running,
    last_job_told,
    pid_of,
    run_of,
    status_of,
    unit_of,
)
from bench.booted.tree import say
from bot.demo.expectations import STATUS
from bot.demo.zulip.faults import Fault, Trouble
from handlers.host import processes
from handlers.host.processes import Completed
from jobs.launching.systemd_launcher import SLICE
from jobs.runs import process_tree

INSTALLED = Path("/opt/zulip-ops")
DOCUMENT = INSTALLED / "docs/operations.md"
CONFIGURATION = Path("/etc/zulip-ops/zulip-ops.toml")
#: Where somebody who follows the document has downloaded the zuliprc to.
DOWNLOADS = Path("/root")
#: Twice RestartSec of the unit and a little: what systemd starts again is started by then.
LONG_ENOUGH_SECONDS = 11.0
CONNECTS_SECONDS = 30.0
LONGEST = timedelta(minutes=2)
#: The document's table of files.
MODES = {
    CONFIGURATION: 0o640,
    CONFIGURATION.with_name("zuliprc"): 0o600,
    Path("/var/lib/zulip-ops"): 0o750,
    Path("/var/backups/zulip-ops"): 0o700,
}

Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Checks:
    """Each check leaves a connected bot behind, for the next."""

    talk: Talk

    def all(self) -> tuple[Callable[[], Figures], ...]:
        return (
            self.files_are_put_in_place,
            self.doctor_is_content,
            self.unit_starts,
            self.second_bot_is_refused,
            self.commands_work_on_the_host,
            self.run_survives_a_restart,
            self.run_is_cancelled_after_a_restart,
            self.run_survives_a_stop,
            self.backup_is_made_without_the_bot,
            self.bot_comes_back_to_a_backup_of_the_host,
            self.bot_stops_while_zulip_hangs,
            self.bot_waits_for_zulip,
            self.killed_bot_comes_back,
            self.run_has_a_unit_of_its_own,
            self.killed_run_gets_its_verdict,
            self.run_that_dies_with_the_bot_gets_its_verdict,
            self.run_that_systemctl_ends_tells_so,
            self.broken_configuration_is_not_tried_again,
            self.files_are_as_told,
            self.unit_is_judged,
        )

    # As docs/operations.md tells

    def files_are_put_in_place(self) -> Figures:
        server = self.talk.server
        server.zulip.zuliprc(server.cast.bot, DOWNLOADS / "zuliprc")
        _typed("3. Put the files in place")
        CONFIGURATION.write_text(server.filled_in(CONFIGURATION.read_text()))
        return {}

    def doctor_is_content(self) -> Figures:
        (done,) = _typed("4. Try it", only="doctor", check=False)
        warnings = sum(line.startswith("warning") for line in done.output.splitlines())
        return {"doctor_exit_code": done.exit_code, "doctor_warnings": warnings}

    def unit_starts(self) -> Figures:
        started = time.monotonic()
        with self._connecting():
            _typed("5. Let it run", only="system")
        seconds = time.monotonic() - started
        status = self.talk.answer("status --fresh")
        say(status)
        return {
            "connected_seconds": round(seconds, 1),
            "is_enabled": float(shell(f"systemctl is-enabled {UNIT}").exit_code == 0),
            "status_is_whole": float(STATUS.holds(status)),
        }

    def second_bot_is_refused(self) -> Figures:
        done = shell(f"zulip-ops run --config {CONFIGURATION}")
        say(done.errors)
        return {"second_exit_code": done.exit_code}

    def commands_work_on_the_host(self) -> Figures:
        status, backup = _typed("5. Let it run", only="zulip-ops do", check=False)
        return {
            "host_status_exit_code": status.exit_code,
            "host_backup_exit_code": backup.exit_code,
        }

    # What may happen to a bot

    def run_survives_a_restart(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            with self._connecting():
                seconds = systemctl("restart")
            survived = is_running(job)
        return {
            "restart_seconds": round(seconds, 1),
            "ends_told_after_restart": self.talk.ends_told(job),
            "run_survives_restart": float(survived and status_of(job) == "succeeded"),
        }

    def run_is_cancelled_after_a_restart(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            with self._connecting():
                systemctl("restart")
            asked = time.monotonic()
            say(self.talk.answer(f"cancel {job}"))
            until(lambda: run_of(job).has_ended, "the cancelled run has ended")
            seconds = time.monotonic() - asked
        told = self.talk.ends_told(job)
        say(self.talk.end(job))
        left = process_tree.members(run_of(job).path)
        cancelled = status_of(job) == "cancelled" and told == 1 and not left
        return {
            "cancelled_after_restart": float(cancelled),
            "cancel_seconds": round(seconds, 1),
        }

    def run_survives_a_stop(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            seconds = systemctl("stop")
            time.sleep(1)
            left = processes_of_bot()
            survived = is_running(job) and shown("ActiveState") == "inactive"
        until(lambda: run_of(job).has_ended, "the run ends without the bot")
        with self._connecting():
            systemctl("start")
        return {
            "stop_seconds": round(seconds, 1),
            "left_of_stopped_bot": len(left),
            "ends_told_after_stop": self.talk.ends_told(job),
            "run_survives_stop": float(survived and status_of(job) == "succeeded"),
        }

    def backup_is_made_without_the_bot(self) -> Figures:
        before = last_job_told()
        systemctl("stop")
        done = shell('sudo zulip-ops do "backup now"')
        say(done.output + done.errors)
        with self._connecting():
            systemctl("start")
        until(lambda: last_job_told() > before, "the backup is told")
        return {
            "host_backup_alone_exit_code": done.exit_code,
            "ends_told_of_host_backup": self.talk.ends_told(last_job_told()),
        }

    def bot_comes_back_to_a_backup_of_the_host(self) -> Figures:
        before = last_job_told()
        systemctl("stop")
        with ExitStack() as stack:
            with self.talk.backup_held():
                command = ("zulip-ops", "do", "backup now")
                typed = stack.enter_context(processes.start(command))
                until(self.talk.is_dump_waiting, "the dump waits for the table")
                with self._connecting():
                    systemctl("start")
                # A bot that takes the run for lost says so soon.
                time.sleep(3)
                too_early = last_job_told() > before
            code = typed.wait(LONGEST)
        until(lambda: last_job_told() > before, "the backup is told")
        job = last_job_told()
        say(self.talk.end(job))
        told = self.talk.ends_told(job)
        return {
            "ends_told_of_adopted_backup": told,
            "adopted_backup_is_not_lost": float(
                code == 0 and not too_early and status_of(job) == "succeeded"
            ),
        }

    def bot_stops_while_zulip_hangs(self) -> Figures:
        faults = self.talk.server.zulip.faults
        faults.plan(Fault(Trouble.HANG), times=10_000)
        try:
            self.talk.say_something()
            self.talk.server.zulip.outages.lose_queues()
            until(lambda: faults.hits() > 0, "the bot hangs in a request")
            seconds = systemctl("stop")
        finally:
            faults.clear()
        result = shown("Result")
        with self._connecting():
            systemctl("start")
        assert result == "success", result
        return {"stop_seconds_while_zulip_hangs": round(seconds, 1)}

    def bot_waits_for_zulip(self) -> Figures:
        systemctl("stop")
        with self.talk.server.zulip.outages.away(refused=True):
            systemctl("start")
            time.sleep(LONG_ENOUGH_SECONDS)
            waits = (shown("ActiveState"), shown("NRestarts")) == ("active", "0")
            before = self.talk.registrations()
        until(lambda: self.talk.registrations() > before, "the bot connects", 90)
        return {"waits_for_zulip": float(waits)}

    def killed_bot_comes_back(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            killed = time.monotonic()
            with self._connecting():
                os.kill(int(shown("MainPID")), signal.SIGKILL)
            seconds = time.monotonic() - killed
            survived = is_running(job)
        return {
            "killed_is_back_seconds": round(seconds, 1),
            "ends_told_after_kill": self.talk.ends_told(job),
            "run_survives_kill": float(survived and status_of(job) == "succeeded"),
        }

    def run_has_a_unit_of_its_own(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            unit = unit_of(job)
            is_apart = shown("Slice", unit) == SLICE and shown("MainPID", unit) == str(pid_of(job))
            self.talk.answer(f"cancel {job}")
            until(lambda: shown("ActiveState", unit) == "inactive", "the unit is gone")
        return {"run_has_own_unit": float(is_apart)}

    def killed_run_gets_its_verdict(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            os.kill(pid_of(job), signal.SIGKILL)
            seconds = until(lambda: status_of(job) == "failed", "its verdict", 90)
        told = self.talk.ends_told(job)
        say(self.talk.end(job))
        left = process_tree.members(run_of(job).path)
        is_said = "was ended by SIGKILL" in self.talk.end(job) and told == 1 and not left
        return {"orphan_verdict_seconds": round(seconds, 1), "orphan_end_told": float(is_said)}

    def run_that_dies_with_the_bot_gets_its_verdict(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            os.kill(int(shown("MainPID")), signal.SIGSTOP)
            os.kill(pid_of(job), signal.SIGKILL)
            with self._connecting():
                os.kill(int(shown("MainPID")), signal.SIGKILL)
                seconds = until(lambda: status_of(job) == "failed", "its verdict", 90)
        return {"orphan_verdict_after_kill_seconds": round(seconds, 1)}

    def run_that_systemctl_ends_tells_so(self) -> Figures:
        with self.talk.backup_held():
            job = self.talk.begin_backup()
            shell(f"systemctl kill {unit_of(job)}")
            until(lambda: status_of(job) == "failed", "its end")
        told = self.talk.ends_told(job)
        say(self.talk.end(job))
        is_said = told == 1 and "not by zulip-ops" in self.talk.end(job)
        return {"systemctl_kill_told": float(is_said)}

    def broken_configuration_is_not_tried_again(self) -> Figures:
        right = CONFIGURATION.read_text()
        CONFIGURATION.write_text(right + "\n[nonsense]\n")
        shell(f"systemctl restart {UNIT}")
        time.sleep(LONG_ENOUGH_SECONDS)
        starts, code, state = (shown(n) for n in ("NRestarts", "ExecMainStatus", "ActiveState"))
        CONFIGURATION.write_text(right)
        with self._connecting():
            shell("sudo systemctl restart zulip-ops")
        return {
            "starts_with_broken_configuration": 1 + int(starts),
            "exit_code_with_broken_configuration": int(code),
            "fails_and_starts_after_repair": float(state == "failed"),
        }

    def files_are_as_told(self) -> Figures:
        wrong = [path for path, mode in MODES.items() if _owner_and_mode(path) != (0, mode)]
        wrong += [path for path in INSTALLED.rglob("*") if _others_may_write(path)]
        say(f"Not as the document says: {', '.join(map(str, wrong)) or 'nothing'}")
        return {"files_not_as_told": len(wrong)}

    def unit_is_judged(self) -> Figures:
        done = shell(f"systemd-analyze verify --man=no {UNIT}")
        say(done.errors)
        accepted = done.exit_code == 0 and "zulip-ops" not in done.errors
        return {"verify_ok": float(accepted), "security_exposure": exposure()}

    @contextmanager
    def _connecting(self) -> Iterator[None]:
        """What the block starts connects soon after it."""
        before = self.talk.registrations()
        yield
        until(lambda: self.talk.registrations() > before, "the bot connects", CONNECTS_SECONDS)


def _typed(section: str, *, only: str = "", check: bool = True) -> list[Completed]:
    """Carry out what a section of the document tells; all of it, or the lines with a word."""
    ended = []
    for command in commands(DOCUMENT, section):
        if only in command:
            done = shell(command, DOWNLOADS)
            say(f"$ {command}\n{done.output}{done.errors}[{done.exit_code}]")
            assert not check or done.exit_code == 0, command
            ended.append(done)
    return ended


def _owner_and_mode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, stat.S_IMODE(found.st_mode)


def _others_may_write(path: Path) -> bool:
    found = path.lstat()
    writable = not path.is_symlink() and bool(found.st_mode & 0o022)
    return found.st_uid != 0 or writable
