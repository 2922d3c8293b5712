"""The smallest installation that the bot starts with: a configuration, and perhaps a zuliprc."""

from pathlib import Path

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.server import SimulatedZulip


def write_configuration(folder: Path, *more: str, state: Path | None = None) -> Path:
    """zulip-ops.toml in that folder; `more` are lines for its end."""
    lines = [
        "[zulip]",
        f'zuliprc = "{folder / "zuliprc"}"',
        "[state]",
        f'directory = "{state or folder / "state"}"',
        "[host]",
        f'root = "{folder}"',
        'url = "http://127.0.0.1:9"',
        *more,
    ]
    path = folder / "zulip-ops.toml"
    path.write_text("\n".join([*lines, ""]))
    return path


def write_zuliprc(folder: Path, zulip: SimulatedZulip, cast: Cast) -> Path:
    return zulip.zuliprc(cast.bot, folder / "zuliprc")
