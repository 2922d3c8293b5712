"""The configuration as a tar: what is in it, what is left out, and that plain tar reads it."""

import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from handlers.backups import catalogue, take_backup
from handlers.backups.contents import roles, text_search
from handlers.backups.contents.trees import TreeCopier
from handlers.backups.repository import Snapshot
from handlers.backups.tar_stream import TarWriter
from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.settings import ContentSettings, DatabaseSettings
from state.database import open_database
from tests.handlers.backups.conftest import Desk

LIMIT = timedelta(seconds=30)
ALL = ContentSettings(certificates=True, logs=True)


def back_up(context: Context) -> Snapshot:
    args = take_backup.Args()
    outcome = take_backup.run(context, args, take_backup.plan(context, args))
    return catalogue.snapshot(context.stores[0], str(outcome.facts["snapshot"]))


def unpacked(desk: Desk, snapshot: Snapshot) -> Path:
    """By zstd and tar alone."""
    target = desk.host.root.with_name("unpacked")
    target.mkdir()
    command = f"cat configuration-* | zstd -dc | tar -x -C {target}"
    argv = ("/bin/bash", "-o", "pipefail", "-c", command)
    processes.run(argv, timeout=LIMIT, directory=desk.directory / "objects" / snapshot.id)
    return target


def files_of(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() or path.is_symlink()
    }


def test_what_a_restored_server_needs_is_in_it_and_plain_tar_reads_it(desk: Desk) -> None:
    snapshot = back_up(desk.context())
    target = unpacked(desk, snapshot)

    assert files_of(target) == {
        *(f"etc/zulip/{name}" for name in ("settings.py", "zulip.conf", "zulip-secrets.conf")),
        "etc/zulip/sample-psql",
        *(f"etc/postgresql/16/main/{name}" for name in ("postgresql.conf", "pg_hba.conf")),
        "etc/postgresql/16/main/conf.d/zulip.conf",
        "var/lib/postgresql/16/main/postgresql.auto.conf",
        "postgresql/globals.sql",
    }
    said = (target / "postgresql/globals.sql").read_text(encoding="utf-8")
    assert "CREATE ROLE zulip;" in said
    assert (target / "postgresql/globals.sql").stat().st_mode & 0o777 == 0o600
    assert "Logs: `backup.logs` is not set." in snapshot.left_out
    assert any(each.startswith("Certificates and their private") for each in snapshot.left_out)


def test_certificates_and_logs_are_in_it_by_choice(desk: Desk) -> None:
    snapshot = back_up(replace(desk.context(), contents=ALL))
    target = unpacked(desk, snapshot)

    assert (target / "etc/ssl/private/zulip.key").is_file()
    assert (target / "etc/letsencrypt/live/chat.example.org/fullchain.pem").is_file()
    assert (target / "etc/ssl/certs/zulip.combined-chain.crt").is_symlink()
    assert (target / "var/log/zulip/errors.log").is_file()
    assert not any("Certificates" in each or "Logs:" in each for each in snapshot.left_out)


def test_every_version_of_postgresql_that_is_configured_is_in_it(desk: Desk) -> None:
    newer = desk.host.root / "etc/postgresql/17/main"
    newer.mkdir(parents=True)
    (newer / "postgresql.conf").write_text("port = 5433\n", encoding="utf-8")

    target = unpacked(desk, back_up(desk.context()))

    majors = {path.name for path in (target / "etc/postgresql").iterdir()}
    assert majors == {"16", "17"}


def test_dictionaries_that_the_database_uses_are_in_it_with_their_content(desk: Desk) -> None:
    use_dictionaries(desk)

    snapshot = back_up(desk.context())

    target = unpacked(desk, snapshot) / "usr/share/postgresql/16/tsearch_data"
    assert files_of(target) == {"en_us.dict", "en_us.affix", "zulip_english.stop"}
    assert not (target / "en_us.dict").is_symlink()
    database = snapshot.facts["postgresql"]
    assert isinstance(database, dict)
    found = database["text_search"]
    assert isinstance(found, dict)
    assert found["files"] == ["en_us.affix", "en_us.dict", "zulip_english.stop"]
    assert found["configurations"] == ["zulip.english_us_search"]


def test_a_dictionary_that_is_not_found_is_said(desk: Desk) -> None:
    use_dictionaries(desk)
    (desk.host.root / "var/cache/postgresql/dicts/en_us.affix").unlink()

    [said] = [each for each in back_up(desk.context()).left_out if "text search" in each]

    assert said.startswith("The text search file en_us.affix, which the database uses:")


@pytest.mark.parametrize(
    ("template", "options", "files"),
    [
        ("ispell", "dictfile = 'en_us', afffile = 'en_us'", ["en_us.dict", "en_us.affix"]),
        ("thesaurus", "dictfile = 'astro', dictionary = 'simple'", ["astro.ths"]),
        ("synonym", "synonyms = 'ours'", ["ours.syn"]),
        ("simple", "", []),
    ],
)
def test_each_template_reads_its_own_files(template: str, options: str, files: list[str]) -> None:
    assert list(text_search.file_names(template, options)) == files


def test_without_the_superuser_roles_come_without_passwords_and_that_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "SUPERUSER", "nobody_here")

    snapshot = back_up(desk.context())

    said = (unpacked(desk, snapshot) / "postgresql/globals.sql").read_text(encoding="utf-8")
    assert "CREATE ROLE zulip;" in said
    [passwords] = [each for each in snapshot.left_out if "Passwords of" in each]
    assert "pg_dumpall: error: could not connect to database" in passwords


def test_without_pg_dumpall_the_backup_is_made_and_that_is_said(desk: Desk, tmp_path: Path) -> None:
    settings = desk.host.settings()
    assert settings.database.programs is not None
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (programs / name).write_text(
            f'#!/bin/sh\nexec "{settings.database.programs}/{name}" "$@"\n'
        )
        (programs / name).chmod(0o755)
    database = replace(settings.database, programs=programs)

    snapshot = back_up(replace(desk.context(), host=replace(settings, database=database)))

    [said] = [each for each in snapshot.left_out if "roles and tablespaces" in each]
    assert "pg_dumpall` does not exist" in said


def test_the_bots_own_state_is_in_it_as_of_one_moment(desk: Desk, tmp_path: Path) -> None:
    own = tmp_path / "own/zulip-ops.db"
    own.parent.mkdir()
    (tmp_path / "own/zulip-ops.toml").write_text("[zulip]\n", encoding="utf-8")
    (tmp_path / "own/index.key").write_text("a secret key\n", encoding="utf-8")
    database = open_database(own)
    contents = ContentSettings(own_database=own, own_configuration=own.with_name("zulip-ops.toml"))

    with closing(database):
        snapshot = back_up(replace(desk.context(), contents=contents))

    target = unpacked(desk, snapshot) / "zulip-ops"
    assert files_of(target) == {"zulip-ops.db", "zulip-ops.toml"}
    with closing(sqlite3.connect(target / "zulip-ops.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    assert not [path for path in own.parent.iterdir() if path.name.startswith(".copy")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_under_the_bots_own_state_stops_no_backup(desk: Desk, small_disk: Path) -> None:
    own = small_disk / "zulip-ops.db"
    with closing(sqlite3.connect(own)) as database:
        database.execute("CREATE TABLE t (content BLOB)")
        database.execute("INSERT INTO t VALUES (zeroblob(3000000))")
        database.commit()
    (small_disk / "rest").write_bytes(bytes(2 * 1024 * 1024))
    contents = ContentSettings(own_database=own)

    snapshot = back_up(replace(desk.context(), contents=contents))

    assert any("The bot's own database" in each for each in snapshot.left_out)
    assert [path.name for path in small_disk.iterdir() if path.name.startswith(".copy")] == []


def test_a_file_of_zulips_configuration_that_cannot_be_read_fails_the_backup(
    tmp_path: Path,
) -> None:
    (tmp_path / "etc/zulip").mkdir(parents=True)
    (tmp_path / "etc/zulip/zulip-secrets.conf").touch(mode=0o000)

    with as_nobody(tmp_path), pytest.raises(HostFailure) as failure:
        TreeCopier(tmp_path, TarWriter(lambda _: None)).copy(tmp_path / "etc/zulip", needed=True)

    assert failure.value.message.startswith("/etc/zulip/zulip-secrets.conf could not be read: Perm")


def test_any_other_file_that_cannot_be_read_is_said_and_the_rest_is_copied(tmp_path: Path) -> None:
    main = tmp_path / "etc/postgresql/16/main"
    main.mkdir(parents=True)
    (main / "postgresql.conf").write_text("x\n", encoding="utf-8")
    (main / "pg_hba.conf").touch(mode=0o000)
    os.mkfifo(main / "pipe")
    (main / "elsewhere").symlink_to("/srv/postgresql.conf")
    written = bytearray()
    copier = TreeCopier(tmp_path, TarWriter(written.extend))

    with as_nobody(tmp_path):
        copier.copy(tmp_path / "etc/postgresql")

    assert copier.odd == [
        "What /etc/postgresql/16/main/elsewhere points at (/srv/postgresql.conf).",
        "/etc/postgresql/16/main/pg_hba.conf, which could not be read: Permission denied.",
        "/etc/postgresql/16/main/pipe, which is neither a file nor a directory.",
    ]
    with tarfile.open(fileobj=BytesIO(bytes(written) + bytes(1024))) as tar:
        assert tar.getnames()[-1] == "etc/postgresql/16/main/postgresql.conf"


@contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """Root may read everything; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    for each in (directory, *directory.parents[:-1]):
        each.chmod(each.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def use_dictionaries(desk: Desk) -> None:
    """Zulip's own search, which PostgreSQL would not take from a server without the files."""
    database = desk.host.database
    assert database is not None
    database.cluster.sql(
        "SET search_path TO zulip;"
        "CREATE TEXT SEARCH DICTIONARY english_us_hunspell (TEMPLATE = simple);"
        "CREATE TEXT SEARCH CONFIGURATION english_us_search (COPY = pg_catalog.english);"
        "UPDATE pg_ts_dict SET dicttemplate = (SELECT oid FROM pg_ts_template WHERE tmplname ="
        " 'ispell'), dictinitoption = $$dictfile = 'en_us', afffile = 'en_us',"
        " stopwords = 'zulip_english'$$ WHERE dictname = 'english_us_hunspell'"
        " AND dictnamespace = 'zulip'::regnamespace;",
        database=database.name,
    )


def test_half_of_the_roles_are_none(tmp_path: Path) -> None:
    program = tmp_path / "pg_dumpall"
    program.write_text('#!/bin/sh\nyes -- "-- x" | head -c 3000000\n', encoding="utf-8")
    program.chmod(0o755)
    written = bytearray()

    said = roles.copy(DatabaseSettings(system_user=None), tmp_path, TarWriter(written.extend))

    [sentence] = said
    assert sentence.endswith("What pg_dumpall says of them is longer than a megabyte.")
    assert written == b""
