"""Upgrade and rollback as conversations: plan, another person's ✅, Zulip away and back, report."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.scripts.controls import Manners
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, CROSS, Conversation
from tests.acceptance.test_restarts import ends_told

#: A release with two migrations.
NEW = ("0600_sample_rows", "0601_sample_index")


@pytest.fixture
def wish() -> Wish:
    return Wish(version="1.3", extent=SMALL, releases=(("1.4", ()), ("1.5", NEW)))


@contextmanager
def talking(
    wish: Wish, cluster: PostgresCluster, s3: S3Server, factory: pytest.TempPathFactory
) -> Iterator[Conversation]:
    """A stage of its own for each test: an upgrade leaves another server behind."""
    with Stage.set_up(factory.mktemp("talk"), wish, cluster=cluster, s3=s3) as stage:
        stage.zulip.set_rate_limit(100_000)
        stage.stores = stage.stores[:1]
        stage.write_configuration(wish)
        with closing(Conversation(stage)) as conversation:
            conversation.start_bot()
            yield conversation
        assert stage.host.database is not None
        cluster.drop_database(stage.host.database.name)


@pytest.fixture
def talk(
    wish: Wish, cluster: PostgresCluster, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Conversation]:
    with talking(wish, cluster, s3, tmp_path_factory) as conversation:
        yield conversation


@pytest.fixture
def cast(talk: Conversation) -> Cast:
    return talk.stage.cast


def approved(talk: Conversation, command: str) -> tuple[Job, int]:
    """Iago asks, Desdemona says ✅ to the plan; the job and the id of the command."""
    cast = talk.stage.cast
    asked = talk.ask(cast.iago, command)
    job = talk.job_for(asked)
    talk.react(cast.desdemona, talk.card(job.id).id)
    return job, asked


def version_answered(talk: Conversation) -> str:
    return talk.stage.zulip.realm.settings.zulip_version


def judge_card(card: str) -> None:
    """What another person is asked to agree to."""
    assert "Upgrade Zulip from 1.3 to 1.4, after a verified backup." in card
    assert "**disruptive**" in card
    assert re.search(r"sha256: `[0-9a-f]{64}`", card)
    assert "✔ Zulip 1.3 answers and is healthy." in card
    assert "**Way back**: the deployment of now stays on the host." in card


def judge_report(end: str) -> None:
    assert "Zulip was upgraded from 1.3 to 1.4." in end
    assert re.search(r"It did not answer for [0-9.]+ s: measured from outside", end)
    assert re.search(r"Backup `\d{8}T\d{6}Z-[0-9a-f]{8}` was verified before.", end)
    assert "Zulip answers and runs 1.4." in end
    assert "Next: `@ops rollback`" in end


def look_and_back_up(talk: Conversation, version: str) -> None:
    """`@ops status` and `@ops backup now`."""
    iago = talk.stage.cast.iago
    talk.look_at_host()
    assert f"**Zulip**: {version} is running" in talk.hear(iago, "status")
    backup = talk.job_for(talk.ask(iago, "backup now"))
    talk.react(iago, talk.card(backup.id).id)
    talk.reached(backup.id, "succeeded")


def test_status_backup_and_upgrade_from_1_3_word_for_word(talk: Conversation, cast: Cast) -> None:
    look_and_back_up(talk, "1.3")
    asked = talk.ask(cast.iago, "upgrade 1.4")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    judge_card(card.content)

    talk.react(cast.iago, card.id)
    talk.settled()
    assert talk.job(job.id).status == "awaiting_approval"
    talk.react(cast.desdemona, card.id)
    talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id)
    judge_report(end.content)
    assert version_answered(talk) == "1.4"
    talk.wait_for_marks(asked, CHECK)
    assert ends_told(talk, job.id) == 1
    assert talk.message(card.id).content == card.content
    assert talk.audit_chain_holds()
    said = "\n".join(message.content for message in talk.in_topic_of(job.id))
    assert "✔ Unpack the release" in said
    assert "✔ Read the copy in store local back to its end" in said


def test_rollback_goes_back_and_says_how_long_zulip_was_away(
    talk: Conversation, cast: Cast
) -> None:
    upgrade, _ = approved(talk, "upgrade 1.4")
    talk.reached(upgrade.id, "succeeded")
    job, asked = approved(talk, "rollback")
    assert "Go back from Zulip 1.4 to 1.3, which ran before." in talk.card(job.id).content
    talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id)
    assert "Zulip went back from 1.4 to 1.3. It did not answer for" in end.content
    assert version_answered(talk) == "1.3"
    talk.wait_for_marks(asked, CHECK)


def test_rollback_past_a_migration_is_refused_and_nothing_is_asked(
    talk: Conversation, cast: Cast
) -> None:
    upgrade, _ = approved(talk, "upgrade 1.5")
    card = talk.card(upgrade.id).content
    assert f"pending migrations: `zerver.{NEW[0]}`, `zerver.{NEW[1]}`" in card
    assert "the way back is to restore the backup that this job takes" in card
    talk.reached(upgrade.id, "succeeded")
    assert "rollback" not in talk.end_of(upgrade.id).content

    job = talk.job_for(talk.ask(cast.iago, "rollback"))
    refused = talk.reached(job.id, "failed")
    end = talk.end_of(job.id)
    assert refused.reason == "preflight_failed"
    assert f"1.3 does not know what the database has by now: zerver.{NEW[0]}" in end.content
    assert "Nothing was changed." in end.content
    assert refused.card_message_id is None
    assert version_answered(talk) == "1.5"


def test_an_upgrade_that_fails_in_the_middle_tells_what_state_the_server_is_in(
    talk: Conversation, cast: Cast
) -> None:
    talk.stage.host.behave(Manners(failing_migration=NEW[0]))
    job, asked = approved(talk, "upgrade 1.5")
    failed = talk.reached(job.id, "failed")
    end = talk.end_of(job.id)
    assert failed.reason == "tool_failed"
    assert "`upgrade-zulip` ended with exit code 1." in end.content
    assert "As no migration was applied, 1.3 was started again." in end.content
    assert "Zulip answers and runs 1.3." in end.content
    assert "`next` points at" in end.content
    assert "is verified." in end.content
    assert "contains null values" in end.content
    assert not end.topic.startswith("✔")
    assert version_answered(talk) == "1.3"
    talk.wait_for_marks(asked, CROSS)
    assert ends_told(talk, job.id) == 1


def test_a_bot_that_is_killed_in_the_middle_tells_the_end_once(
    talk: Conversation, cast: Cast
) -> None:
    talk.stop_bot()
    talk.start_process()
    talk.stage.host.behave(Manners(pause_seconds=0.3, away_seconds=1.5))
    job, asked = approved(talk, "upgrade 1.4")
    lock = talk.stage.host.layout.deployment_lock
    talk.until(lock.is_dir, "the upgrade holds Zulip's lock")
    talk.kill_bot()
    talk.until(lambda: not lock.exists(), "the upgrade has ended by itself")
    talk.start_process()
    talk.reached(job.id, "succeeded")
    assert "Zulip was upgraded from 1.3 to 1.4." in talk.end_of(job.id).content
    assert ends_told(talk, job.id) == 1
    talk.wait_for_marks(asked, CHECK)
    trees = [each.name for each in talk.stage.host.layout.deployments.glob("????-*")]
    assert len(trees) == 2


def test_a_cancelled_upgrade_says_that_the_lock_is_left(talk: Conversation, cast: Cast) -> None:
    talk.stage.host.behave(Manners(pause_seconds=2))
    job, _ = approved(talk, "upgrade 1.4")
    lock = talk.stage.host.layout.deployment_lock
    talk.until(lock.is_dir, "the upgrade holds Zulip's lock")
    talk.ask(cast.iago, f"cancel {job.id}")
    talk.reached(job.id, "cancelled")
    end = talk.end_of(job.id)
    assert "Zulip answers and runs 1.3." in end.content
    assert "Zulip's own lock is left behind" in end.content
    assert "rmdir" in end.content
    assert lock.is_dir()
