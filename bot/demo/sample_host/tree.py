"""The files of the sample host: Zulip's code trees, its configuration, logs and what /proc says."""

import secrets
import sys
from datetime import datetime, timedelta
from pathlib import Path

from handlers.host.layout import Layout

NAME_FORMAT = "%Y-%m-%d-%H-%M-%S"
_FIRST = datetime(2026, 11, 20, 10, 0, 0)  # noqa: DTZ001 (Zulip names trees in local time)

#: By major version, as those releases carry it; others are made up.
_FEATURE_LEVELS = {"1": 278, "9": 278, "10": 371, "11": 421}
#: What every release here brings, and the sample database has; only a few of Zulip's own.
MIGRATIONS = (
    *("0001_initial", "0029_realm_subdomain", "0556_alter_realmuserdefault_dense_mode_and_more"),
    *("0557_change_information_density_defaults", "0576_backfill_imageattachment"),
)

_IMITATED = (
    *("upgrade-zulip", "restart-server", "start-server", "stop-server"),
    "lib/check-database-compatibility",
    "setup/flush-memcached",
)
_NOT_IMITATED = (
    *("upgrade-zulip-from-git", "purge-old-deployments", "zulip-puppet-apply"),
    *("reload-clients", "get-django-setting", "lib/upgrade-zulip-stage-2"),
    "setup/restore-backup",
)


def make_deployment(layout: Layout, version: str) -> Path:
    """A new code tree of that version, which `next` then points at; not `current`."""
    tree = layout.deployments / _next_name(layout)
    write_tree(layout, tree, version)
    (tree / "zproject/prod_settings.py").symlink_to(layout.settings_file)
    point(layout.next, tree)
    return tree


def write_tree(layout: Layout, tree: Path, version: str, migrations: tuple[str, ...] = ()) -> None:
    """What a release holds, at any place; `migrations` come on top of those all releases have."""
    for directory in ("scripts/lib", "scripts/setup", "zerver/migrations", "zproject", "puppet"):
        (tree / directory).mkdir(parents=True)
    for name in (*MIGRATIONS, *migrations):
        (tree / f"zerver/migrations/{name}.py").write_text(f'"""{name}"""\n', encoding="utf-8")
    _write_version(tree, version)
    _write_scripts(layout, tree)


def point(link: Path, tree: Path) -> None:
    """Make a link point at a tree, by rename as Zulip does it, so that it is never missing."""
    temporary = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    temporary.symlink_to(tree)
    temporary.replace(link)


def write_configuration(layout: Layout, database_name: str) -> None:
    """`/etc/zulip` with secrets as Zulip makes them, and the release of the OS."""
    layout.configuration.mkdir(parents=True)
    layout.settings_file.write_text(
        'EXTERNAL_HOST = "chat.example.org"\n'
        'ZULIP_ADMINISTRATOR = "desdemona@example.org"\n'
        'AUTHENTICATION_BACKENDS = ("zproject.backends.EmailAuthBackend",)\n'
        'LOCAL_UPLOADS_DIR = "/home/zulip/uploads"\n',
        encoding="utf-8",
    )
    layout.settings_file.chmod(0o644)
    layout.machine_file.write_text(
        "[machine]\npuppet_classes = zulip::profile::standalone\ndeploy_type = production\n\n"
        f"[postgresql]\nversion = 16\ndatabase_name = {database_name}\n",
        encoding="utf-8",
    )
    lines = "".join(f"{name} = {value}\n" for name, value in _secrets().items())
    layout.secrets_file.touch(mode=0o640)
    layout.secrets_file.write_text(f"[secrets]\n{lines}", encoding="utf-8")
    layout.os_release.write_text(
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
        encoding="utf-8",
    )


def write_system_configuration(layout: Layout, major: int = 16) -> None:
    """What a restored server needs and /etc/zulip does not hold: PostgreSQL's, certificates."""
    for name, text in _SYSTEM_FILES.items():
        path = layout.root / name.format(major=major)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    words = layout.root / f"usr/share/postgresql/{major}/tsearch_data"
    words.mkdir(parents=True)
    (words / "zulip_english.stop").write_text("i\nme\nmy\n", encoding="utf-8")
    for name in ("en_us.dict", "en_us.affix"):
        # Debian makes them from the dictionaries of hunspell, and puts links here.
        (words / name).symlink_to(layout.root / "var/cache/postgresql/dicts" / name)
    certificate = layout.root / "etc/ssl/certs/zulip.combined-chain.crt"
    certificate.parent.mkdir(parents=True)
    certificate.symlink_to("/etc/letsencrypt/live/chat.example.org/fullchain.pem")


_SYSTEM_FILES = {
    "etc/postgresql/{major}/main/postgresql.conf": "max_connections = 1000\n",
    "etc/postgresql/{major}/main/conf.d/zulip.conf": "work_mem = 16MB\n",
    "etc/postgresql/{major}/main/pg_hba.conf": "local all all peer\n",
    "var/lib/postgresql/{major}/main/postgresql.auto.conf": "wal_level = 'replica'\n",
    "var/cache/postgresql/dicts/en_us.dict": "2\nmessage/S\nserver/S\n",
    "var/cache/postgresql/dicts/en_us.affix": "SFX S Y 1\nSFX S 0 s .\n",
    "etc/ssl/private/zulip.key": "a key of the sample host, which opens nothing\n",
    "etc/letsencrypt/live/chat.example.org/fullchain.pem": "a certificate\n",
    "etc/letsencrypt/renewal/chat.example.org.conf": "authenticator = webroot\n",
}


def write_database_command(layout: Layout, command: tuple[str, ...]) -> None:
    """How the imitated scripts reach the database: psql and its arguments, one a line."""
    file = layout.configuration / "sample-psql"
    file.write_text("\n".join(command) + "\n", encoding="utf-8")


def write_surroundings(layout: Layout) -> None:
    """Logs and the directories that every Zulip host has."""
    for directory in (
        *(layout.logs, layout.archives, layout.monitoring_state, layout.command_locks),
        *(layout.root / "tmp", layout.postgresql_data, layout.root / "home/zulip/prod-static"),
    ):
        directory.mkdir(parents=True, exist_ok=True)
    for name, line in _LOG_LINES.items():
        (layout.logs / name).write_text(f"2026-11-23 13:02:44.824 {line}\n", encoding="utf-8")


_LOG_LINES = {
    "server.log": "INFO [zr] 127.0.0.1 GET 200 24ms (db: 19ms/2q) /api/v1/users/me (8@root via x)",
    "errors.log": "WARN [zerver.lib.push_notifications] Mobile push is not configured.",
    "workers.log": "INFO [process_queue] Worker 0 connecting to queue deferred_work",
    "manage.log": "Ran ./manage.py check",
}


def write_memory(layout: Layout, total: int, available: int, swap: tuple[int, int]) -> None:
    """What `/proc/meminfo` says; sizes in bytes, swap as total and free."""
    figures = {
        "MemTotal": total,
        "MemFree": available // 2,
        "MemAvailable": available,
        "SwapTotal": swap[0],
        "SwapFree": swap[1],
    }
    lines = "".join(f"{name + ':':<16}{size // 1024:>8} kB\n" for name, size in figures.items())
    _write_proc(layout, "meminfo", lines)


def write_load(layout: Layout, averages: tuple[float, float, float], uptime: timedelta) -> None:
    """What `/proc/loadavg` and `/proc/uptime` say."""
    said = " ".join(f"{average:.2f}" for average in averages)
    _write_proc(layout, "loadavg", f"{said} 1/412 16669\n")
    seconds = uptime.total_seconds()
    _write_proc(layout, "uptime", f"{seconds:.2f} {seconds * 1.8:.2f}\n")


def _write_proc(layout: Layout, name: str, text: str) -> None:
    path = layout.root / "proc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def _next_name(layout: Layout) -> str:
    layout.deployments.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in layout.deployments.iterdir() if not path.is_symlink())
    moment = _FIRST
    if names:
        moment = datetime.strptime(names[-1], NAME_FORMAT) + timedelta(days=1)  # noqa: DTZ007
    return moment.strftime(NAME_FORMAT)


def _write_version(tree: Path, version: str) -> None:
    major = version.partition(".")[0]
    level = _FEATURE_LEVELS.get(major, 100 + int(major))
    (tree / "version.py").write_text(
        f'import os\n\nZULIP_VERSION = "{version}"\n\n'
        "ZULIP_VERSION = os.environ.get('SAMPLE_NEVER_SET', ZULIP_VERSION)\n"
        f'LATEST_MAJOR_VERSION = "{major}.0"\nLATEST_RELEASE_VERSION = "{version}"\n'
        f"API_FEATURE_LEVEL = {level}\nPROVISION_VERSION = (284, 5)\n",
        encoding="utf-8",
    )
    (tree / "zulip-git-version").write_text(f"{version}\n{version}\n", encoding="utf-8")
    (tree / "version").write_text(f"{version}\n", encoding="utf-8")


def _write_scripts(layout: Layout, tree: Path) -> None:
    for name in (*(f"scripts/{each}" for each in _IMITATED), "manage.py"):
        _script(
            tree / name,
            # Where it lies by then: a release is unpacked and moved before its scripts run.
            'here=$(readlink -f -- "$0")\n'
            f'exec "{sys.executable}" -I -m bot.demo.sample_host.scripts "{layout.root}"'
            f' "${{here%/{name}}}" {name.rpartition("/")[2]} "$@"\n',
        )
    for name in (f"scripts/{each}" for each in _NOT_IMITATED):
        _script(tree / name, f'echo "The sample host does not imitate {name}." >&2\nexit 1\n')


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}", encoding="utf-8")
    path.chmod(0o755)


def _secrets() -> dict[str, str]:
    """Of the lengths and alphabets that Zulip's own generator uses."""
    return {
        "avatar_salt": secrets.token_hex(16),
        "rabbitmq_password": secrets.token_urlsafe(20),
        "shared_secret": secrets.token_hex(32),
        "camo_key": secrets.token_hex(32),
        "memcached_password": secrets.token_urlsafe(32),
        "redis_password": secrets.token_urlsafe(32),
        "secret_key": secrets.token_urlsafe(37),
        "zulip_org_key": secrets.token_urlsafe(48)[:64],
        "zulip_org_id": "7c0aa3ad-0df5-4e4f-ae0d-1b0f5e0c1b2d",
        "email_password": secrets.token_urlsafe(15),
    }
