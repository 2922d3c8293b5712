"""A restore on the sample host: its plan, what it puts in place, and what it keeps."""

import subprocess
from pathlib import Path

import pytest

from handlers.errors import BadCommand, HostFailure, Refused
from handlers.host import zulip_web
from handlers.host.age import Identity, key_id
from handlers.host.deployments import current_deployment
from handlers.host.settings import KeySettings
from handlers.restores.switching.arrangement import commands_back, commands_to_drop
from handlers.restores.switching.zulip_tools import start_server
from tests.handlers.restores.conftest import MESSAGES, SERVER, Bench


def expect_as_before(bench: Bench, newest: int, files: dict[str, str]) -> None:
    """The database and the uploads that Zulip uses, and nothing beside them."""
    assert bench.databases() == [""]
    assert bench.newest_message() == newest
    assert bench.files() == files
    uploads = bench.host.layout.uploads
    assert [path.name for path in uploads.parent.glob("uploads*")] == ["uploads"]
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"


def test_the_plan_is_bound_to_copy_store_database_and_names(bench: Bench) -> None:
    bench.go_on_for_a_while()
    plan = bench.plan()

    assert plan.binding["server"] == SERVER
    assert str(plan.binding["snapshot"]) in plan.summary
    assert plan.binding["from_store"] == f"disk, {bench.store.path}"
    assert plan.binding["kept_as"] == {
        "database": f"{bench.database}_before_31",
        "uploads": str(bench.host.layout.uploads.with_name("uploads_before_31")),
    }
    assert plan.binding["deployment"] == plan.binding["to_deployment"]
    assert plan.binding["system_identifier"]
    assert all(check.holds for check in plan.preconditions), plan.preconditions
    assert plan.estimates["would_be_lost"] == "30 messages, written in 5 min"
    assert "It is verified" in str(plan.estimates["standing"])
    assert "No drill has restored it." in str(plan.estimates["standing"])
    assert "a guess" in str(plan.estimates["expected"])
    assert "kept" in plan.way_back
    assert plan.binding == bench.plan().binding, "what changes by itself binds nothing"


def test_everything_of_the_copy_is_in_place_and_everything_from_before_is_kept(
    bench: Bench,
) -> None:
    files = bench.files()
    bench.go_on_for_a_while()
    newer = bench.files()
    settings = bench.host.layout.settings_file.read_text() + "MAX_FILE_UPLOAD_SIZE = 80\n"
    bench.host.layout.settings_file.write_text(settings)
    queues = bench.host.layout.tornado / "event_queues.json"
    queues.parent.mkdir(parents=True)
    queues.write_text("[]")
    generation = bench.zulip.realm.settings.server_generation

    outcome = bench.restore()

    assert bench.newest_message() == MESSAGES
    assert bench.files() == files
    assert bench.newest_message(bench.names.old_database) == MESSAGES + 30
    assert bench.files(bench.names.old_uploads) == newer
    assert bench.databases() == ["", "_before_31"]
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"
    assert bench.zulip.realm.settings.server_generation > generation
    assert not queues.exists()
    assert (
        "Ran ./manage.py purge_queue --all" in (bench.host.layout.logs / "manage.log").read_text()
    )
    assert (bench.host.root / "var/run/sample-memcached-flushed").exists()
    assert bench.host.layout.settings_file.read_text() == settings

    assert "Database and uploads of copy" in outcome.sentence
    assert "It did not answer for" in outcome.sentence
    assert "Not in it any more: 30 messages, written in 5 min." in outcome.sentence
    assert "in the copy others stand: settings.py (1 line)." in outcome.sentence
    assert f"Message numbers go on after {MESSAGES}" in outcome.state
    assert f"DROP DATABASE {bench.database}_before_31" in outcome.state
    assert (outcome.facts["lost_messages"], outcome.facts["lost_seconds"]) == (30, 300.0)
    assert outcome.facts["message_ids_go_on_after"] == MESSAGES


def test_the_order_is_backup_beside_check_stop_swap_start(bench: Bench) -> None:
    bench.restore()

    told = [
        "Read the copy in store disk back to its end",
        f"Restore the database beside, as {bench.names.new_database}",
        "Check it against the commit record",
        "Restore the uploads beside, into uploads_restore_31",
        "Compare the settings, which are not changed",
        "Stop Zulip",
        "Swap by renaming",
        "Purge the queues and flush the caches",
        "Start Zulip",
        "Wait until 1.3 answers from outside, and is healthy",
    ]
    assert [title for title in bench.titles() if title in told] == told


def test_the_second_plan_knows_how_fast_the_first_restore_was(bench: Bench) -> None:
    bench.restore()
    assert "as the last restore here" in str(bench.plan().estimates["expected"])


def test_one_part_leaves_the_other_alone(bench: Bench) -> None:
    files = bench.files()
    bench.go_on_for_a_while()
    newer = bench.files()

    outcome = bench.restore(only="database")
    assert (bench.newest_message(), bench.files()) == (MESSAGES, newer)
    assert "Database of copy" in outcome.sentence
    assert outcome.facts["old_uploads"] is None
    for each in ("DROP DATABASE", "_before_31"):
        assert each in outcome.state
    assert "rm -r" not in outcome.state

    bench.cluster.drop_database(bench.names.old_database)
    bench.host.grow_database(5)
    outcome = bench.restore(only="uploads")
    assert (bench.newest_message(), bench.files()) == (MESSAGES + 5, files)
    assert outcome.facts["lost_messages"] is None
    assert "epoch" not in outcome.state


def test_what_the_outcome_says_to_type_goes_back_and_what_it_says_drops_the_rest(
    bench: Bench,
) -> None:
    bench.go_on_for_a_while()
    files = bench.files()
    bench.restore()

    tree = current_deployment(bench.host.layout).path
    host = bench.host.settings().database
    for command in commands_back(host, bench.arrangement, start_server(tree)):
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    assert (bench.newest_message(), bench.files()) == (MESSAGES + 30, files)

    assert bench.databases() == ["", "_restore_31"]
    for command in commands_to_drop(host, bench.arrangement):
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    expect_as_before(bench, MESSAGES + 30, files)


@pytest.mark.parametrize("typed", ["chat.example.com", "example.org", "chat.example.org:8443"])
def test_another_server_s_name_is_refused(bench: Bench, typed: str) -> None:
    with pytest.raises(BadCommand, match=r"This server is chat\.example\.org, and you typed"):
        bench.plan(server=typed)
    assert bench.plan(server="Chat.Example.ORG").binding["server"] == "Chat.Example.ORG"


def test_a_server_that_does_not_say_its_name_is_refused(bench: Bench) -> None:
    bench.host.layout.settings_file.write_text("# nothing\n")
    with pytest.raises(Refused, match="could not be read from EXTERNAL_HOST"):
        bench.plan()


def test_a_copy_of_another_version_is_refused_with_what_to_do(bench: Bench) -> None:
    (bench.host.layout.current / "version.py").write_text('ZULIP_VERSION = "1.4"\n')
    (bench.host.layout.current / "zulip-git-version").write_text("1.4\n")
    said = bench.unmet()["zulip_fits"]
    assert "The copy is of Zulip 1.3, and 1.4 is deployed here" in said
    assert "Deploy 1.3 first" in said


def test_a_copy_of_before_an_upgrade_brings_the_old_code_back_with_it(bench: Bench) -> None:
    """The way back that an upgrade with migrations has."""
    before = current_deployment(bench.host.layout).path
    bench.host.switch_version("1.4")
    bench.zulip.set_version("1.4", 278)
    bench.sql("INSERT INTO zulip.django_migrations (app, name, applied) VALUES ('a', '1', now())")

    plan = bench.plan()
    assert plan.binding["to_deployment"] == before.name
    assert not bench.unmet()
    outcome = bench.restore()

    assert current_deployment(bench.host.layout).path == before
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"
    assert "Zulip answers and runs 1.3." in outcome.state


def test_without_a_key_it_is_refused_and_with_the_file_it_is_restored(
    bench: Bench, tmp_path: Path
) -> None:
    recovery = Identity.generate()
    bench.keys = KeySettings(recovery=(recovery.recipient,))
    sealed = bench.back_up(job=13)
    file = tmp_path / "recovery.key"
    file.write_text(f"{recovery.text}\n")

    said = bench.unmet(copy=sealed)["key_is_here"]
    assert f"It needs the recovery key `{key_id(recovery.recipient)}`" in said
    assert "Never type a key into chat." in said
    assert recovery.text not in str(bench.plan(copy=sealed, identity=str(file)))
    assert not bench.unmet(copy=sealed, identity=str(file))
    bench.restore(copy=sealed, identity=str(file))
    assert bench.databases() == ["", "_before_31"]

    with pytest.raises(HostFailure, match="cannot be read"):
        bench.plan(copy=sealed, identity=str(tmp_path / "none"))


def test_what_an_earlier_attempt_left_is_in_the_way_and_named(bench: Bench) -> None:
    bench.cluster.create_database(bench.names.new_database)
    said = bench.unmet()["names_are_free"]
    assert f"DROP DATABASE {bench.names.new_database}" in said


def test_no_secret_of_either_side_is_in_the_shown_difference(bench: Bench) -> None:
    secrets = bench.host.layout.secrets_file
    before = secrets.read_text()
    salt = before.split("avatar_salt = ")[1].split("\n")[0]
    secrets.write_text(before.replace(salt, "0123456789abcdef0123456789abcdef"))
    bench.host.layout.settings_file.write_text(f'EXTERNAL_HOST = "{SERVER}"\nOLD = "{salt}"\n')

    outcome = bench.restore()

    assert "zulip-secrets.conf (keys avatar_salt)" in outcome.sentence
    assert "avatars are not found" in outcome.sentence
    said = bench.output() + outcome.sentence
    assert "avatar_salt: another value in the copy" in said
    assert salt not in said
    assert "0123456789abcdef" not in said
