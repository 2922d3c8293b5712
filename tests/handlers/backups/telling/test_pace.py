"""How fast a backup is, and how long the database may still take."""

from datetime import UTC, datetime

from handlers.backups.repository import Snapshot, StreamRecord, UploadTotals
from handlers.backups.telling.pace import Pace, expected_dump


def pace(expected: int, seconds: float) -> Pace:
    times = iter((100.0, 100.0 + seconds))
    return Pace(expected, clock=lambda: next(times))


def earlier(dumped: int, facts: dict[str, int]) -> Snapshot:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    stream = StreamRecord("dump", (), dumped, None)
    return Snapshot(
        *("20261123T150200Z-0123abcd", 1, at, at),
        {"database": stream},
        UploadTotals(),
        {"postgresql": {**facts}},
        (),
        {},
    )


def test_throughput_and_time_left_are_told() -> None:
    said = pace(400_000_000, 10).sentence({"database": 100_000_000, "uploads": 50_000_000}, 7_000)

    assert said == (
        "Copied: database 100 MB of about 400 MB, uploads 50.0 MB. 15.0 MB/s,"
        " about 30 s left for the database. Read back: 7.0 kB, compressed."
    )


def test_at_the_beginning_no_rate_is_told() -> None:
    assert pace(0, 0.5).sentence({}, 0) == ("Copied: nothing yet. Read back: 0 bytes, compressed.")


def test_a_dump_that_grows_beyond_what_was_expected_is_given_no_time() -> None:
    said = pace(50, 10).sentence({"database": 100_000_000}, 0)

    assert "left" not in said
    assert "of about" not in said


def test_a_dump_is_expected_as_the_last_one_was_in_its_proportion() -> None:
    assert expected_dump(700, 2_000, earlier(300, {"size_bytes": 1_000})) == 600


def test_without_an_earlier_dump_it_is_expected_as_the_tables_are() -> None:
    assert expected_dump(700, 2_000, None) == 700
    assert expected_dump(700, 2_000, earlier(300, {})) == 700
    assert expected_dump(700, 2_000, earlier(0, {"size_bytes": 1_000})) == 700
