"""`status` changes with each fact of the host, says what it cannot see, and is quick."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.sample_host.host import GIB, SampleHost
from bot.demo.zulip.cast import Cast
from handlers.host.layout import Layout
from tests.acceptance.conversation import Conversation
from tests.conftest import Clusters
from tests.handlers.checks.small_disk import needs_mount, small_disk

PARTS = (
    *("Seen by the bot", "Zulip", "Uptime and load", "Memory", "Disks", "PostgreSQL"),
    *("Programs", "Backups", "Drills", "Recovery key", "Jobs", "Next"),
)


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    """Not those that all tests share: PostgreSQL is stopped here."""
    with ExitStack() as running:
        yield Clusters(running)


@pytest.fixture
def host(talk: Conversation) -> SampleHost:
    return talk.stage.host


def parts(answer: str) -> dict[str, str]:
    """What is said of each part of the server."""
    lines = [line.removeprefix("- **").split("**: ", 1) for line in answer.splitlines()[1:]]
    return {line[0]: line[1] for line in lines}


def fresh(talk: Conversation) -> dict[str, str]:
    """A status of new facts: every part is there and none is blank."""
    answer = talk.hear(talk.stage.cast.iago, "status --fresh")
    assert "Traceback" not in answer
    told = parts(answer)
    assert tuple(told) == PARTS
    assert all(len(said) > 5 for said in told.values())
    return told


def is_well(told: str, version: str) -> bool:
    """Whether that version of Zulip is all there is, and healthy."""
    return version in told and "running" in told and "healthy" in told and "**" not in told


def test_everything_is_told_with_its_age(talk: Conversation, cast: Cast) -> None:
    fresh(talk)
    answer = talk.hear(cast.iago, "status")
    told = parts(answer)

    assert answer.startswith("**Server status: ")
    assert " ago" in answer.splitlines()[0]
    assert told["Seen by the bot"].startswith("Zulip answered me in ")
    assert is_well(told["Zulip"], "9.2")
    assert told["Uptime and load"].startswith("Up 12 days; load 0.24, 0.31, 0.28")
    assert told["Memory"].startswith("50")
    assert told["PostgreSQL"].startswith("16.")
    assert told["Programs"] == "All 16 programs are running."
    assert told["Jobs"].startswith("none")
    assert told["Next"] == "nothing is scheduled."


def test_it_takes_less_than_two_seconds(talk: Conversation, cast: Cast) -> None:
    took = []
    for _ in range(5):
        asked = time.monotonic()
        talk.hear(cast.iago, "status")
        took.append(time.monotonic() - asked)
    assert min(took) < 2


def test_a_stopped_program(talk: Conversation, host: SampleHost) -> None:
    host.stop_program("zulip-tornado")
    stopped = fresh(talk)["Programs"]
    host.start_program("zulip-tornado")

    assert stopped.startswith("**critical**: ")
    assert "zulip-tornado" in stopped
    assert fresh(talk)["Programs"] == "All 16 programs are running."


def test_a_grown_database(talk: Conversation, host: SampleHost) -> None:
    before = fresh(talk)["PostgreSQL"]
    host.grow_database(5000)
    assert fresh(talk)["PostgreSQL"] != before


def test_a_switched_version(talk: Conversation, host: SampleHost) -> None:
    host.switch_version("9.4")
    told = fresh(talk)["Zulip"]
    host.switch_version("9.2")

    assert "9.4" in told
    assert "9.2" in told
    assert is_well(fresh(talk)["Zulip"], "9.2")


def test_an_upgrade_that_runs_is_seen(talk: Conversation, host: SampleHost) -> None:
    host.switch_version("9.4")
    talk.stage.zulip.outages.restart(version=("9.4", 278))
    told = fresh(talk)["Zulip"]
    host.switch_version("9.2")
    talk.stage.zulip.outages.restart(version=("9.2", 278))
    assert is_well(told, "9.4")


def test_memory_and_load(talk: Conversation, host: SampleHost) -> None:
    host.set_memory(total=4 * GIB, available=GIB // 20)
    host.set_load((40.0, 41.0, 42.0), uptime=timedelta(minutes=3))
    told = fresh(talk)
    host.set_memory(total=4 * GIB, available=2 * GIB)
    host.set_load((0.24, 0.31, 0.28))

    assert told["Memory"].startswith("**critical**")
    assert "load 40, 41, 42" in told["Uptime and load"]
    assert told["Uptime and load"].startswith("**")


@needs_mount
def test_a_file_system_that_is_filled(talk: Conversation, host: SampleHost) -> None:
    size = 8 * 2**20
    with small_disk(host.root / "srv", size):
        assert "/srv is 0 % full" in fresh(talk)["Disks"]
        host.fill("/srv/big", int(size * 0.97))
        told = fresh(talk)["Disks"]
    assert told.startswith("**critical**: /srv is 97 % full")
    assert "/srv" not in fresh(talk)["Disks"]


def test_an_unhealthy_zulip(talk: Conversation, cast: Cast) -> None:
    talk.stage.zulip.set_ready("Cannot connect to memcached")
    told = fresh(talk)
    talk.stage.zulip.set_ready()

    assert told["Seen by the bot"].startswith("Zulip does not answer")
    assert "memcached" in told["Zulip"]
    assert parts(talk.hear(cast.iago, "status"))["Seen by the bot"].startswith(
        "Zulip answered me in "
    )


@contextmanager
def stopped_postgresql(host: SampleHost) -> Iterator[None]:
    assert host.database is not None
    host.database.cluster.stop()
    try:
        yield
    finally:
        host.database.cluster.start()


def test_a_stopped_postgresql_is_unknown_and_says_why(talk: Conversation, host: SampleHost) -> None:
    with stopped_postgresql(host):
        told = fresh(talk)
    assert told["PostgreSQL"].startswith(("**unknown**", "**critical**"))
    assert "PostgreSQL" in told["PostgreSQL"]
    assert told["Programs"] == "All 16 programs are running."
    assert fresh(talk)["PostgreSQL"].startswith("16.")


def test_what_cannot_be_read_says_so_and_spares_the_rest(
    talk: Conversation, host: SampleHost
) -> None:
    (host.root / "proc/meminfo").write_text("nonsense")
    with moved(Layout(host.root).supervisorctl):
        told = fresh(talk)
    host.set_memory(total=4 * GIB, available=2 * GIB)
    assert told["Programs"].startswith("**unknown**")
    assert "supervisorctl" in told["Programs"]
    assert told["Memory"].startswith("**unknown**")
    assert is_well(told["Zulip"], "9.2")


def test_without_any_facts_every_part_says_so(talk: Conversation, cast: Cast) -> None:
    with talk.without_bot():
        (talk.stage.state / "facts.json").write_text("{not json")
    told = parts(talk.hear(cast.iago, "status"))
    assert tuple(told) == PARTS
    assert all(said.strip() for said in told.values())
    assert fresh(talk)["Programs"] == "All 16 programs are running."


def test_a_backup_shows(talk: Conversation, cast: Cast) -> None:
    assert "no backup" in fresh(talk)["Backups"]
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    talk.end_of(job.id)
    told = fresh(talk)["Backups"]
    assert not told.startswith("**")
    assert "verified" in told


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """A file is gone for a while."""
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)
