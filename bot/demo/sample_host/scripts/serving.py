"""Imitates stop-server, start-server and restart-server: links, programs, and being away."""

import time

from bot.demo.sample_host.scripts.controls import Serving, read_serving, write_serving
from bot.demo.sample_host.scripts.installation import Installation, ScriptFailed
from bot.demo.sample_host.tree import point
from handlers.host.deployments import read_deployment

_GREEN, _PLAIN = "\x1b[92m", "\x1b[0m"


def stop_server(installation: Installation, _arguments: list[str]) -> int:
    installation.supervisorctl("stop", "all")
    _serve(installation, answers=False)
    installation.say(f"\n{_GREEN}Zulip stopped successfully!{_PLAIN}")
    return 0


def start_server(installation: Installation, _arguments: list[str]) -> int:
    return _guarded(installation, "start-server")


def restart_server(installation: Installation, _arguments: list[str]) -> int:
    """Swaps `current` and `last` when it belongs to another tree; checks no migration (seen)."""
    return _guarded(installation, "restart-server")


def come_up(installation: Installation, script: str) -> None:
    """The links flip, the programs start, and after a while something answers again."""
    _flip(installation)
    if script == "restart-server":
        installation.log(script, "Restarting Tornado process")
        _serve(installation, answers=False)
        installation.supervisorctl("restart", "all")
    else:
        installation.log(script, "Starting Tornado process")
        installation.supervisorctl("start", "all")
    time.sleep(installation.manners.away_seconds)
    version = read_deployment(installation.tree).version
    _serve(installation, answers=version != installation.manners.never_back)
    installation.log(script, "Done!")
    installation.say(f"{_GREEN}Zulip {script.partition('-')[0]}ed successfully!{_PLAIN}")


def _guarded(installation: Installation, script: str) -> int:
    try:
        installation.log(script, "Running syntax and database checks")
        installation.say("System check identified no issues (32 silenced).")
        come_up(installation, script)
    except ScriptFailed:
        return 1
    return 0


def _flip(installation: Installation) -> None:
    layout = installation.layout
    before = layout.current.resolve()
    if before != installation.tree:
        point(layout.last, before)
        point(layout.current, installation.tree)


def _serve(installation: Installation, *, answers: bool) -> None:
    """Leave word for whoever imitates the server over HTTP."""
    before = read_serving(installation.layout)
    deployment = read_deployment(installation.tree)
    starts = 0 if before is None else before.starts
    write_serving(
        installation.layout,
        Serving(
            answers=answers,
            version=deployment.version,
            feature_level=deployment.feature_level or 0,
            refuse=installation.manners.refuse,
            starts=starts + answers,
        ),
    )
