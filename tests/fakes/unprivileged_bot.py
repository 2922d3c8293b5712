"""Plans and starts a run as an account without rights, and tells what it could see and do."""

import json
import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from jobs.launching.helper_launcher import HelperLauncher  # noqa: E402 (after the path is set)
from jobs.runs.journal_reader import JournalReader  # noqa: E402 (after the path is set)
from jobs.runs.run_folder import RunFolder  # noqa: E402 (after the path is set)
from tests.fakes.runs import planning, result_of, spec  # noqa: E402 (after the path is set)


def main(socket_path: Path, host: Path) -> dict[str, object]:
    launcher = HelperLauncher(socket_path)
    planned = result_of(launcher.plan(planning(spec(host))))
    wanted = replace(spec(host, attempt=2), fingerprint=planned.fingerprint)
    handle = launcher.start(wanted)
    result = result_of(handle)
    folder = RunFolder(handle.folder)
    return {
        "uid": os.getuid(),
        "planned": planned.status,
        "status": result.status,
        "records": len(JournalReader(folder.journal_file).read()),
        "log": folder.output_file.read_text(),
        "card": RunFolder(folder.path.with_name("1-1")).card_file.read_text(),
        "ended": launcher.status(handle.name).ended,
        "forbidden": [attempt for attempt in ATTEMPTS if is_forbidden(attempt, folder.path)],
    }


ATTEMPTS = ("append", "replace", "create", "remove", "rename")


def is_forbidden(attempt: str, folder: Path) -> bool:
    journal = folder / "journal.jsonl"
    try:
        match attempt:
            case "append":
                journal.open("a").close()
            case "replace":
                (folder / "result.json").write_text("{}")
            case "create":
                (folder / "another").touch()
            case "remove":
                journal.unlink()
            case "rename":
                folder.rename(folder.with_name("9-9"))
    except PermissionError:
        return True
    return False


def become(name: str) -> None:
    """For good; done here because the account may not even be able to read the interpreter."""
    account = pwd.getpwnam(name)
    os.setgroups([account.pw_gid])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


if __name__ == "__main__":
    become(sys.argv[1])
    sys.stdout.write(json.dumps(main(Path(sys.argv[2]), Path(sys.argv[3]))))
