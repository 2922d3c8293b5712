"""`cancel` ends what waits at once, and a run with everything it started."""

from contextlib import closing

from bot.demo.zulip.cast import Cast
from handlers.backups import catalogue
from state import job_store
from state.database import open_database
from tests.acceptance.conversation import STOP, Conversation


def test_a_job_that_waits_for_consent(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    answer = talk.hear(cast.iago, f"cancel {job.id}")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, STOP)
    talk.react(cast.iago, card.id)

    assert answer == (
        f"Job #{job.id} (`backup now`) is cancelled. It had not started, so nothing on the server "
        "was changed."
    )
    assert "was cancelled" in end.content
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "cancelled"


def test_a_job_that_waits_for_its_turn(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        first = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
        talk.wait_until_held()
        second = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
        talk.reached(second.id, "queued")
        assert talk.hear(cast.desdemona, f"cancel {second.id}").startswith("Job #")
        talk.reached(second.id, "cancelled")
        assert "Desdemona cancelled it before it had started." in talk.end_of(second.id).content
    talk.reached(first.id, "succeeded")
    assert [run.name for run in talk.run_folders() if run.name == f"{second.id}-2"] == []


def test_a_run_ends_with_its_whole_process_tree(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        asked = talk.ask(cast.iago, "backup now --yes")
        job = talk.job_for(asked)
        talk.wait_until_held()
        assert len(talk.processes()) > 1
        answer = talk.hear(cast.iago, f"cancel {job.id}")
        again = talk.hear(cast.iago, f"cancel {job.id}")
        ended = talk.reached(job.id, "cancelled")
        end = talk.end_of(job.id)
        talk.until(lambda: not talk.processes(), "the whole tree is gone")
        # The table is still locked: no dump waits for it any more.
        talk.until(lambda: talk.held_at_the_table() == 0, "no dump waits")
    talk.wait_for_marks(asked, STOP)

    assert answer.startswith(f"I am ending job #{job.id} (`backup now --yes`) and everything")
    assert "already" in again
    assert ended.reason == "cancelled"
    assert "It ended during “Copy database, uploads and configuration”" in end.content
    assert all(
        snapshot.job != job.id
        for store in talk.stage.stores
        for snapshot in catalogue.list_snapshots(store)
    )
    assert talk.lock_is_free()


def test_a_bot_that_dies_on_its_word_leaves_the_rest_to_the_next_one(
    talk: Conversation, cast: Cast
) -> None:
    with talk.backup_held():
        job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
        talk.wait_until_held()
        with (
            talk.without_bot(),
            closing(open_database(talk.stage.state / "zulip-ops.db")) as database,
            database.write() as tx,
        ):
            # As it is when `cancel` is answered and the run is not told yet.
            job_store.change(tx, job.id, cancelling=True, cancelled_by="Iago")
        talk.reached(job.id, "cancelled")
        talk.until(lambda: not talk.processes(), "the whole tree is gone")
    assert "was cancelled" in talk.end_of(job.id).content


def test_a_plan_that_is_being_made(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.ask(cast.iago, f"cancel {job.id}")
    talk.reached(job.id, "cancelled")
    talk.end_of(job.id)


def test_a_job_of_others_without_the_role(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.card(job.id)
    answer = talk.hear(cast.hamlet, f"cancel {job.id}")

    assert answer.startswith(f"You may not run `cancel {job.id}`: it needs the role *operator*")
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")


def test_a_job_that_has_ended(talk: Conversation, cast: Cast) -> None:
    with talk.local_store_unusable():
        job = talk.job_for(talk.ask(cast.iago, "backup now --to local"))
        talk.reached(job.id, "failed")
    answer = talk.hear(cast.iago, f"cancel #{job.id}")
    assert f"Job #{job.id} " in answer
    assert "there is nothing to cancel" in answer
    assert "\n" not in answer
