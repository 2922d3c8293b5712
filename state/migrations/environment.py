"""Runs the revisions with Alembic, without alembic.ini and without its own connection."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection, revision: str) -> None:
    """All or nothing: the caller's transaction holds every step, and the caller commits it."""
    config, scripts = _config(), scripts_directory()

    def steps(current: str, _: MigrationContext) -> list[RevisionStep]:
        return list(scripts._upgrade_revs(revision, current))

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def scripts_directory() -> ScriptDirectory:
    """The revisions as Alembic sees them."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
