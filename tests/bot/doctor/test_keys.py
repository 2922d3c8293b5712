"""The doctor says to whom copies are sealed, and what nobody here can open."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.doctor.contract import Diagnosis, Verdict
from bot.doctor.keys import examine_custody, examine_keys
from bot.settings import Settings
from handlers.backups.custody import proofs
from handlers.host.age import Identity, key_id
from handlers.host.settings import KeySettings
from jobs.configuration import BackupSettings, Configuration, StateSettings

RECOVERY, DRILL = Identity.generate(), Identity.generate()


def examined(tmp_path: Path, keys: KeySettings) -> list[Diagnosis]:
    configuration = Configuration(backup=BackupSettings(keys=keys))
    return list(examine_keys(Settings(tmp_path / "zulip-ops.toml", configuration)))


@pytest.fixture
def drill_file(tmp_path: Path) -> Path:
    path = tmp_path / "drill.key"
    path.write_text(f"# public key: {DRILL.recipient}\n{DRILL.text}\n")
    path.chmod(0o600)
    return path


def with_drill(path: Path | None) -> KeySettings:
    return KeySettings((RECOVERY.recipient,), DRILL.recipient, path)


def test_without_keys_it_warns_that_every_secret_lies_open(tmp_path: Path) -> None:
    (said,) = examined(tmp_path, KeySettings())

    assert said.verdict is Verdict.WARNING
    assert "Copies are not sealed" in said.sentence
    assert said.advice is not None
    assert "`backup.keys.recovery`" in said.advice


def test_without_a_drill_key_copies_stay_unproven(tmp_path: Path) -> None:
    sealed, drill = examined(tmp_path, KeySettings((RECOVERY.recipient,)))

    assert sealed.verdict is Verdict.OK
    assert f"recovery key `{key_id(RECOVERY.recipient)}`." in sealed.sentence
    assert drill.verdict is Verdict.WARNING
    assert "copies stay unproven" in drill.sentence


def test_with_both_keys_each_is_named_and_tried(tmp_path: Path, drill_file: Path) -> None:
    sealed, drill = examined(tmp_path, with_drill(drill_file))

    assert f"and to the drill key `{key_id(DRILL.recipient)}`." in sealed.sentence
    assert (drill.verdict, drill.subject) == (Verdict.OK, "drill key")
    assert "opens what is sealed to it" in drill.sentence


def test_a_drill_key_that_others_can_read_is_warned_of(tmp_path: Path, drill_file: Path) -> None:
    drill_file.chmod(0o644)

    _, drill = examined(tmp_path, with_drill(drill_file))

    assert drill.verdict is Verdict.WARNING
    assert "has mode 0644" in drill.sentence


def test_another_key_in_the_file_has_failed_and_says_what_to_write(
    tmp_path: Path, drill_file: Path
) -> None:
    drill_file.write_text(Identity.generate().text)

    _, drill = examined(tmp_path, with_drill(drill_file))

    assert drill.verdict is Verdict.FAILED
    assert drill.advice is not None
    assert f"age-keygen -y {drill_file}" in drill.advice


def test_a_file_that_is_not_there_has_failed(tmp_path: Path) -> None:
    _, drill = examined(tmp_path, with_drill(tmp_path / "none"))

    assert drill.verdict is Verdict.FAILED
    assert "cannot be read" in drill.sentence


def custody(tmp_path: Path) -> list[Diagnosis]:
    keys = KeySettings((RECOVERY.recipient,))
    configuration = Configuration(
        backup=BackupSettings(keys=keys), state=StateSettings(directory=tmp_path)
    )
    return list(examine_custody(Settings(tmp_path / "zulip-ops.toml", configuration)))


def test_a_recovery_key_that_nobody_has_shown_has_no_finished_set_up(tmp_path: Path) -> None:
    [said] = custody(tmp_path)

    assert (said.verdict, said.subject) == (
        Verdict.WARNING,
        f"recovery key {key_id(RECOVERY.recipient)}",
    )
    assert "its set-up has not ended" in said.sentence
    assert said.advice == "Run `backup key check`, and answer it."


@pytest.mark.parametrize(("days", "verdict"), [(3, Verdict.OK), (40, Verdict.WARNING)])
def test_a_recovery_key_is_due_after_a_month(tmp_path: Path, days: int, verdict: Verdict) -> None:
    at = datetime.now(UTC) - timedelta(days=days)
    proofs.prove(tmp_path, key_id(RECOVERY.recipient), "Iago", at)

    [said] = custody(tmp_path)

    assert said.verdict is verdict
    assert f"It was last shown to be held {days} days ago, by Iago." in said.sentence
