"""Which PostgreSQL may read an archive hangs on where the archive comes from."""

import pytest

from handlers.backups.drills.minors import MENDED, Version, judge


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("postgres (PostgreSQL) 16.14", "16.14"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("pg_restore (PostgreSQL) 18.4\n", "18.4"),
    ],
)
def test_the_version_is_read_from_what_the_program_says(said: str, version: str) -> None:
    assert str(Version.parse(said)) == version


@pytest.mark.parametrize("said", ["", "postgres", "PostgreSQL 19beta1"])
def test_a_version_that_is_none_is_not_guessed(said: str) -> None:
    with pytest.raises(ValueError, match="says no version"):
        Version.parse(said)


@pytest.mark.parametrize(("major", "minor"), MENDED.items())
def test_an_archive_from_elsewhere_needs_the_mended_minor(major: int, minor: int) -> None:
    before, mended = Version(major, minor - 1), Version(major, minor)

    assert judge(mended, is_ours=False).may_read
    assert judge(mended, is_ours=False).sentence is None
    refused = judge(before, is_ours=False)
    assert not refused.may_read
    assert refused.sentence is not None
    assert "CVE-2026-116314" in refused.sentence
    assert f"{mended} does not" in refused.sentence


@pytest.mark.parametrize(("major", "minor"), MENDED.items())
def test_what_our_own_store_vouches_for_is_read_with_a_warning(major: int, minor: int) -> None:
    verdict = judge(Version(major, minor - 1), is_ours=True)

    assert verdict.may_read
    assert verdict.sentence is not None
    assert "upgrade it" in verdict.sentence
    assert judge(Version(major, minor), is_ours=True).sentence is None


def test_a_series_that_is_no_longer_mended_is_never_trusted_with_foreign_archives() -> None:
    assert not judge(Version(13, 99), is_ours=False).may_read
    assert "no release of that series is mended" in (
        judge(Version(13, 9), is_ours=True).sentence or ""
    )
    assert judge(Version(19, 0), is_ours=False).may_read
