"""The cluster that the demo and the tests run on."""

from pathlib import Path

from bot.demo.postgres_cluster import PostgresCluster, available_majors
from handlers.host import postgres


def test_two_majors_come_with_the_package() -> None:
    assert {16, 18} <= set(available_majors())


def test_every_major_starts_and_answers(each_cluster: PostgresCluster) -> None:
    settings = each_cluster.settings("postgres")

    with postgres.connect(settings) as connection:
        facts = postgres.read_facts(connection)

    assert facts.major in available_majors()
    assert settings.programs == available_majors()[facts.major]


def test_what_was_committed_outlives_a_killed_cluster(own_cluster: PostgresCluster) -> None:
    settings = own_cluster.create_database("zulip")
    own_cluster.sql("CREATE TABLE kept AS SELECT 1 AS one; CHECKPOINT", database="zulip")

    own_cluster.kill()
    own_cluster.start()

    with postgres.connect(settings) as connection:
        assert postgres.has_table(connection, "kept")


def test_nothing_is_left_of_a_removed_cluster() -> None:
    with PostgresCluster(available_majors()[16]) as cluster:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])

    assert not cluster.directory.exists()
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """A zombie does not count: who reaps it is the machine's business."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
