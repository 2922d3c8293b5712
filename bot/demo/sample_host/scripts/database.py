"""Imitates what Zulip's scripts do with migrations, on the sample host's real PostgreSQL."""

from pathlib import Path

from bot.demo.sample_host.scripts.installation import Installation, ScriptFailed
from handlers.host.deployments import current_deployment, read_deployment


def known(tree: Path) -> list[str]:
    """What the tree brings, as `zerver.0001_initial`."""
    return sorted(f"{p.parent.parent.name}.{p.stem}" for p in tree.glob("*/migrations/0*.py"))


def applied(installation: Installation) -> list[str]:
    return installation.sql("SELECT app || '.' || name FROM django_migrations")


def pending(installation: Installation) -> list[str]:
    there = set(applied(installation))
    return [each for each in known(installation.tree) if each not in there]


def check_compatibility(installation: Installation, _arguments: list[str]) -> int:
    """Seen on 9.2: a downgrade past a migration is refused with these words and exit code 1."""
    apps = {each.partition(".")[0] for each in known(installation.tree)}
    ours = {each for each in applied(installation) if each.partition(".")[0] in apps}
    missing = sorted(ours - set(known(installation.tree)))
    if not missing:
        return 0
    installation.say("Migrations which are currently applied, but missing in the new version:")
    for each in missing:
        installation.say("  " + " - ".join(each.split(".", 1)))
    present = current_deployment(installation.layout).version
    version = read_deployment(installation.tree).version
    installation.say(
        f"This is not an upgrade -- the current deployment (version {present}) contains"
        f" {len(missing)} database migrations which {installation.tree} (version {version})"
        " does not."
    )
    return 1


def migrate(installation: Installation) -> None:
    """Apply what is pending, one by one, each in a transaction of its own as Django does."""
    installation.say(
        "Operations to perform:\n  Apply all migrations: contenttypes, sessions, zerver\n"
        "Running migrations:"
    )
    for migration in pending(installation):
        app, name = migration.split(".", 1)
        if name == installation.manners.failing_migration:
            installation.say(
                f"  Applying {migration}...\nTraceback (most recent call last):\n"
                f'django.db.utils.IntegrityError: column "{name}" contains null values'
            )
            raise ScriptFailed
        installation.sql(
            "INSERT INTO django_migrations (app, name, applied) VALUES (:'app', :'name', now())",
            app=app,
            name=name,
        )
        installation.say(f"  Applying {migration}... OK")
