"""The commands that only read: help, backups, history, job, log, schedules, whoami, version."""

import re

import pytest
import requests

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from handlers.host.layout import Layout
from state.job_store import Job
from tests.acceptance.conversation import Conversation


@pytest.fixture(scope="module")
def backed_up(talk: Conversation) -> Job:
    """One backup that succeeded, and the bot has looked at the store since."""
    job = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes"))
    talk.end_of(job.id)
    talk.look_at_host()
    return talk.job(job.id)


def test_help_shows_ten_commands_most_used_first(talk: Conversation, cast: Cast) -> None:
    *lines, last = talk.hear(cast.iago, "help").splitlines()
    assert len(lines) == 10
    # Nobody of the sample people may delete anything.
    assert "needs a role that you do not have" in last or "need a role" in last
    assert lines[0].startswith("- `@ops status`")
    assert lines[1].startswith("- `@ops backup now`")


def test_help_shows_only_what_the_reader_may_run(talk: Conversation, cast: Cast) -> None:
    viewer, stranger = talk.hear(cast.hamlet, "help"), talk.hear(cast.cordelia, "help")
    assert "`@ops backup now`" not in viewer
    assert "`@ops backups`" in viewer
    assert "more need a role that you do not have" in viewer
    assert "status" not in stranger
    assert "`@ops whoami`" in stranger


@pytest.mark.parametrize("asked", ["help backup now", "backup now --help", "backup now -h"])
def test_help_on_one_command(talk: Conversation, cast: Cast, asked: str) -> None:
    jobs = len(talk.jobs())
    answer = talk.hear(cast.iago, asked)
    assert answer.startswith("**backup now**")
    assert "It is routine: you confirm it with ✅ on the plan." in answer
    assert "`[--to STORE]`" in answer
    assert "`@ops backup now`" in answer.splitlines()[-1]
    assert len(talk.jobs()) == jobs


def test_help_on_a_group(talk: Conversation, cast: Cast) -> None:
    assert "**backup now**" in talk.hear(cast.iago, "help backup")


def test_help_on_what_one_may_not_run(talk: Conversation, cast: Cast) -> None:
    answer = talk.hear(cast.hamlet, "help backup now")
    assert answer.startswith("You may not run `backup now`")
    assert "\n" not in answer


def test_every_example_of_help_is_understood(talk: Conversation, cast: Cast) -> None:
    examples = re.findall(r"`@ops ([^`]+)`", talk.hear(cast.iago, "help"))
    for example in examples:
        if not example.startswith(("backup now", "cancel")):
            answer = talk.hear(cast.iago, example)
            assert "There is no command" not in answer
            assert "needs" not in answer


def test_backups_lists_what_there_is(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    answer = talk.hear(cast.hamlet, "backups")
    line = next(line for line in answer.splitlines() if f"job #{backed_up.id}" in line)
    assert re.fullmatch(
        rf"- <time:\S+> \(.* ago\) · \S+ .?B · job #{backed_up.id} · verified in local; unproven ·"
        r" `\S+`",
        line,
    )


def test_a_store_that_cannot_be_read_is_named(talk: Conversation, cast: Cast) -> None:
    store = talk.stage.folder / "backups"
    away = store.with_name("backups.away")
    if store.exists():
        store.rename(away)
    store.write_text("not a directory")
    talk.look_at_host()
    answer = talk.hear(cast.iago, "backups")
    store.unlink()
    if away.exists():
        away.rename(store)
    talk.look_at_host()
    assert re.search(r"store \*\*local\*\* .*Not a directory", answer)


def test_history_tells_who_what_how_long(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    answer = talk.hear(cast.hamlet, f"history --before {backed_up.id + 1}")
    line = next(line for line in answer.splitlines() if line.startswith(f"- #{backed_up.id} "))
    assert re.fullmatch(
        rf"- #{backed_up.id} `backup now --yes` \*\*succeeded\*\* in .+ · Iago · <time:\S+>", line
    )


def test_history_has_pages_and_failures_alone(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    with talk.local_store_unusable():
        made = [talk.job_for(talk.ask(cast.iago, "backup now --to local")) for _ in range(11)]
        for job in made:
            talk.reached(job.id, "failed")
    seen: list[int] = []
    command: str | None = "history"
    while command is not None:
        page = talk.hear(cast.iago, command)
        numbers = [int(number) for number in re.findall(r"^- #(\d+)", page, re.MULTILINE)]
        assert len(numbers) <= 10
        seen += numbers
        older = re.search(r"Older: `@ops (.+)`$", page)
        command = older[1] if older else None
    assert seen == sorted((job.id for job in talk.jobs()), reverse=True)

    failed = talk.hear(cast.iago, "history --failed")
    assert f"#{backed_up.id} " not in failed
    assert f"#{made[-1].id} `backup now --to local` **failed**" in failed
    assert "Older: `@ops history --failed --before " in failed


def test_job_shows_one_job_whole(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    answer = talk.hear(cast.iago, f"job {backed_up.id}")
    assert answer.startswith(f"**Job #{backed_up.id}** (`backup now --yes`): **succeeded**")
    assert f"routine, asked by @_**Iago|{cast.iago.id}**" in answer
    assert "confirmed with `--yes`" in answer
    assert "asked <time:" in answer
    assert "ran for " in answer
    assert "- snapshot: `" in answer
    assert f"Output: `@ops log {backed_up.id}`" in answer


def test_job_of_one_that_failed_says_why(talk: Conversation, cast: Cast) -> None:
    with talk.local_store_unusable():
        job = talk.job_for(talk.ask(cast.iago, "backup now --to local"))
        talk.reached(job.id, "failed")
    assert "No store can take a copy." in talk.hear(cast.iago, f"job {job.id}")


def download(talk: Conversation, answer: str) -> str:
    """The file that an answer links to, as somebody in the channel gets it."""
    link = re.search(r"\]\((/user_uploads/[^)]+)\)", answer)
    assert link is not None, answer
    iago = talk.stage.cast.iago
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (iago.email, iago.api_key)
        place = session.get(f"{talk.stage.zulip.url}/api/v1{link[1]}", timeout=10).json()
        found = session.get(f"{talk.stage.zulip.url}{place['url']}", timeout=10)
    assert found.status_code == 200
    return found.text


def test_log_is_a_preview_and_a_file(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    answer = talk.hear(cast.hamlet, f"log {backed_up.id}")
    whole = (talk.stage.state / "runs" / f"{backed_up.id}-2" / "output.log").read_text()
    assert answer.startswith(f"Output of job #{backed_up.id}: [job-{backed_up.id}.log](")
    assert "== Copy database, uploads and configuration" in answer
    assert download(talk, answer) == whole


def test_secrets_are_masked_before_they_are_stored_or_said(talk: Conversation, cast: Cast) -> None:
    """pg_dump is made to name one: it may not read a table that is called like it."""
    kept = Layout(talk.stage.host.root).secrets_file.read_text()
    secret = next(iter(re.findall(r" = ([a-z0-9]{32,60})$", kept, re.MULTILINE)))
    database = talk.stage.host.database
    assert database is not None
    database.cluster.sql(f'CREATE TABLE zulip."{secret}" (n int)', database=database.name)
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    talk.reached(job.id, "failed")
    end = talk.end_of(job.id)
    log = talk.hear(cast.iago, f"log {job.id}")
    database.cluster.sql(f'DROP TABLE zulip."{secret}"', database=database.name)

    assert "permission denied for table" in end.content
    assert "permission denied for table" in download(talk, log)
    assert secret not in download(talk, log)
    assert all(secret not in message.content for message in talk.from_bot())
    for file in talk.stage.state.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_a_log_that_cannot_be_uploaded_still_has_its_preview(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    fault = Fault(Trouble.BAD_GATEWAY, "POST", "/api/v1/user_uploads", cast.bot.email)
    talk.stage.zulip.faults.plan(fault)
    answer = talk.hear(cast.iago, f"log {backed_up.id}")
    assert "== Copy database, uploads and configuration" in answer


def test_whoami(talk: Conversation, cast: Cast) -> None:
    answer = talk.hear(cast.iago, "whoami")
    assert answer.startswith(
        f"You are @_**Iago|{cast.iago.id}** (Zulip user {cast.iago.id}, administrator). "
        "Roles: *operator*."
    )
    assert "- **read** commands: you may ask for them" in answer
    assert "- **destructive** commands: nobody may ask for them" in answer
    assert re.search(
        r"\*\*routine\*\* .*need the role \*operator\*", talk.hear(cast.hamlet, "whoami")
    )
    assert "Roles: none." in talk.hear(cast.cordelia, "whoami")


def test_version(talk: Conversation, cast: Cast) -> None:
    answer = talk.hear(cast.iago, "version")
    assert re.match(r"zulip-ops \d+\.\d+\.\d+ on Python 3\.\d+\.\d+\. Zulip 9\.2 \(", answer)


def test_schedules_without_any(talk: Conversation, cast: Cast) -> None:
    assert "There are no schedules." in talk.hear(cast.iago, "schedules")
