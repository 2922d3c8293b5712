"""The installation that an imitated script works on, and how it speaks."""

import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.demo.sample_host.scripts.controls import Manners, read_manners
from handlers.host import processes
from handlers.host.layout import Layout

_LIMIT = timedelta(minutes=1)


class ScriptFailed(Exception):
    """The script ends with exit code 1; what it says was said."""


@dataclass(slots=True)
class Installation:
    """Root of the host and the code tree that the script belongs to."""

    root: Path
    tree: Path
    log_file: Path | None = None
    manners: Manners = field(init=False)

    def __post_init__(self) -> None:
        self.manners = read_manners(self.layout)

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def say(self, text: str) -> None:
        """One line or more, to whoever reads along and to upgrade.log."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        if self.log_file is not None:
            with self.log_file.open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")

    def log(self, script: str, sentence: str) -> None:
        """A line as Zulip's scripts log them, and a moment; may be where the script fails."""
        now = datetime.now(UTC)
        self.say(f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d} {script}: {sentence}")
        if self.manners.fail_at and sentence.startswith(self.manners.fail_at):
            self.say(
                "Traceback (most recent call last):\n"
                f'  File "{self.tree}/scripts/lib/{script}", line 223, in <module>\n'
                "subprocess.CalledProcessError: Command returned non-zero exit status 1."
            )
            raise ScriptFailed
        time.sleep(self.manners.pause_seconds)

    def supervisorctl(self, action: str, *names: str) -> None:
        """As the real one is called; its lines are ours."""
        argv = (str(self.layout.supervisorctl), action, *names)
        done = processes.run(argv, timeout=_LIMIT, check=False)
        self.say(done.output.rstrip("\n"))

    def sql(self, statement: str, **variables: str) -> list[str]:
        """Rows from Zulip's database, as Zulip's role; `:'name'` stands for a variable."""
        command = (self.root / "etc/zulip/sample-psql").read_text(encoding="utf-8").splitlines()
        settings = [f"--set={name}={value}" for name, value in variables.items()]
        argv = (*command, *settings, "--file=-")
        done = processes.run(argv, timeout=_LIMIT, stdin=statement.encode())
        return done.output.split()
