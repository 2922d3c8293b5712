"""Tries what the bot needs on the host: state, launcher, Zulip's tools and its database."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.doctor.contract import Diagnosis, failed, ok, told, warning
from bot.settings import Settings
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.deployments import current_deployment
from handlers.host.layout import Layout
from handlers.host.services import list_programs
from handlers.host.zulip_web import ask_health
from handlers.wording import size
from jobs.configuration_file import ConfigurationError
from jobs.launching.choosing import backend
from jobs.launching.transient_units import BOOTED
from state.database import DatabaseUnusable, open_database, open_read_only

_LITTLE_SPACE_BYTES = 1_000_000_000


def examine_state(settings: Settings) -> Iterator[Diagnosis]:
    """Our own database: opened, written and read through; one that is not there is not left."""
    try:
        settings.make_state_directory()
        said = _sound_database(settings)
    except ConfigurationError as error:
        yield failed("state", error.message, error.hint)
        return
    except DatabaseUnusable as error:
        yield failed("state", error.message, None)
        return
    except OSError as error:
        yield failed("state", f"{error.filename}: {error.strerror}.", "Look at its file system.")
        return
    free = shutil.disk_usage(settings.state_directory).free
    if free < _LITTLE_SPACE_BYTES:
        where = settings.state_directory
        yield warning("state", f"Only {size(free)} are free in {where}.", "Free some space.")
    yield ok("state", f"{said}, and {size(free)} are free.")


def _sound_database(settings: Settings) -> str:
    """Raises DatabaseUnusable."""
    if settings.database.exists():
        # An older one is migrated by the bot, and not under a bot that may be running.
        open_read_only(settings.database).close()
        _write_and_read_through(settings.database)
        return f"{settings.database} is sound"
    with TemporaryDirectory(dir=settings.state_directory, prefix="doctor-") as folder:
        _write_and_read_through(Path(folder, "probe.db"))
    return f"{settings.database} can be made by the bot"


def _write_and_read_through(path: Path) -> None:
    database = open_database(path)
    try:
        database.check_writable()
        problem = database.integrity_problem()
    finally:
        database.close()
    if problem is not None:
        raise DatabaseUnusable(
            f"The database {path} is damaged ({problem}): stop zulip-ops, keep the file, and put a"
            " copy in its place."
        )


def examine_launcher(settings: Settings) -> Iterator[Diagnosis]:
    """Whether what starts runs is there, and has the power that they need."""
    configuration = settings.configuration
    chosen, is_booted = backend(configuration), BOOTED.is_dir()
    if chosen == "helper":
        yield _socket(configuration.launcher.socket)
        return
    if chosen == "systemd" and not is_booted:
        yield failed(
            "launcher",
            "This machine was not booted with systemd, so no run can be started.",
            'Set `launcher.backend = "fork"`.',
        )
    elif chosen == "fork" and is_booted and os.geteuid() == 0:
        yield warning(
            "launcher",
            "Runs are processes of the bot: when systemd stops it, it stops them too.",
            'Set `launcher.backend = "auto"`.',
        )
    yield _power()


def _socket(path: Path) -> Diagnosis:
    if path.exists():
        return ok("launcher", f"The helper listens on {path}.")
    return failed("launcher", f"{path} is not there.", "Start the helper.")


def _power() -> Diagnosis:
    if os.geteuid() == 0:
        return warning(
            "launcher",
            "The bot runs as root, so whoever takes it over has the host.",
            "A privileged helper comes with a later version; until then keep #ops private and "
            "the policy short.",
        )
    return warning(
        "launcher",
        "The bot is not root, so it cannot read /etc/zulip or act as other users.",
        "Run it by deploy/zulip-ops.service.",
    )


def examine_deployment(settings: Settings) -> Iterator[Diagnosis]:
    """Zulip's own files."""
    try:
        deployment = current_deployment(Layout(settings.configuration.host.root))
    except HostFailure as error:
        yield told("deployment", error, "Is `host.root` right?")
        return
    yield ok("deployment", f"Zulip {deployment.version} is deployed in {deployment.path}.")


def examine_supervisor(settings: Settings) -> Iterator[Diagnosis]:
    """Whether supervisord tells how Zulip's programs are."""
    try:
        programs = list_programs(Layout(settings.configuration.host.root))
    except HostFailure as error:
        yield told("supervisor", error)
        return
    running = sum(program.running for program in programs)
    yield ok("supervisor", f"{running} of {len(programs)} programs are running.")


def examine_secrets(settings: Settings) -> Iterator[Diagnosis]:
    """Whether Zulip's secrets can be read: what is not known cannot be hidden."""
    path = Layout(settings.configuration.host.root).secrets_file
    if os.access(path, os.R_OK):
        yield ok("secrets", f"{path} can be read, so its values are hidden in all output.")
    else:
        yield failed("secrets", f"{path} cannot be read.", "Run the bot as root.")


def examine_health(settings: Settings) -> Iterator[Diagnosis]:
    """Whether Zulip answers the host."""
    host = settings.configuration.host
    try:
        health = ask_health(host)
    except HostFailure as error:
        yield told("health", error, "Is `host.url` right?")
        return
    if health.ready:
        yield ok("health", f"{host.url}/health answers that all is well.")
    else:
        yield warning("health", f"{host.url}/health says: {health.message}.", "Look at `status`.")


def examine_database(settings: Settings) -> Iterator[Diagnosis]:
    """Zulip's database: reached, and dumped by the right programs."""
    database = settings.configuration.host.database
    try:
        with postgres.connect(database) as connection:
            facts = postgres.read_facts(connection)
    except HostFailure as error:
        yield told("database", error)
        return
    yield ok("database", f"PostgreSQL {facts.server_version} answers; {size(facts.size_bytes)}.")
    try:
        programs = postgres.programs_directory(database, facts.major)
    except HostFailure as error:
        yield failed("pg_dump", error.message, error.hint)
        return
    yield ok("pg_dump", f"pg_dump and pg_restore of PostgreSQL {facts.major} are in {programs}.")
