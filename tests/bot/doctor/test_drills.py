"""The doctor says whether a copy can be drilled on this host, and what is in the way."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.doctor.contract import Diagnosis, Verdict
from bot.doctor.drills import examine_drills
from bot.settings import Settings
from handlers.host.settings import DatabaseSettings, DrillSettings, HostSettings
from jobs.configuration import Configuration
from tests.conftest import USUAL_MAJOR, Clusters


@pytest.fixture
def host(database: DatabaseSettings, clusters: Clusters) -> HostSettings:
    drills = clusters.of(USUAL_MAJOR).drill_settings(database.name)
    return HostSettings(database=database, drills=drills)


def examined(host: HostSettings, drills: DrillSettings | None = None) -> Diagnosis:
    configuration = Configuration(host=replace(host, drills=drills or host.drills))
    [said] = examine_drills(Settings(Path("zulip-ops.toml"), configuration))
    return said


def test_where_it_can_be_done_it_says_in_which_place(host: HostSettings) -> None:
    said = examined(host)

    assert said.verdict is Verdict.OK
    assert said.sentence.startswith(f"PostgreSQL {USUAL_MAJOR}.")
    assert str(host.drills.directory) in said.sentence
    assert not host.drills.directory.exists(), "nothing is made"


def test_a_place_that_is_not_fit_is_warned_of(host: HostSettings, tmp_path: Path) -> None:
    (tmp_path / "notes").touch()

    said = examined(host, replace(host.drills, directory=tmp_path))

    assert said.verdict is Verdict.WARNING
    assert "holds `notes`, which no drill has made" in said.sentence


def test_missing_programs_are_warned_of_with_what_to_install(
    host: HostSettings, tmp_path: Path
) -> None:
    said = examined(host, replace(host.drills, programs=tmp_path))

    assert said.verdict is Verdict.WARNING
    assert f"{tmp_path}/initdb is missing" in said.sentence
    assert f"postgresql-{USUAL_MAJOR}" in (said.advice or "")


def test_where_none_are_expected_nothing_is_warned_of(host: HostSettings) -> None:
    said = examined(host, DrillSettings(directory=Path("/proc/nowhere"), every_days=0))

    assert said == Diagnosis("drills", Verdict.OK, "No drills are expected here.")
