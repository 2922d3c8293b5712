"""What one side writes, the other reads: also half-written, damaged, or from the version before."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.contract import JSON, AuditHead, Plan, Precondition
from handlers.errors import Reason
from handlers.host.redaction import MASK, Redactor
from handlers.host.settings import (
    ContentSettings,
    DatabaseSettings,
    HostSettings,
    KeepSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)
from jobs.journal import CommandSource, Consent, ResultStatus, RunName, RunResult, RunSpec
from jobs.runs.fields import Unreadable
from jobs.runs.journal_reader import JournalReader
from jobs.runs.journal_writer import JournalWriter
from jobs.runs.output_log import OutputLog
from jobs.runs.records import Record, RecordKind
from jobs.runs.run_folder import RunFolder
from tests.fakes import runs
from tests.fakes.runs import NOON

SECRET = "correct-horse-battery"
SPEC = replace(
    runs.spec(Path("/srv/host")),
    host=HostSettings(
        root=Path("/srv/host"),
        url="http://127.0.0.1:9",
        database=DatabaseSettings(port=5433, programs=Path("/opt/pg")),
    ),
    stores=(
        StoreSettings("local", path=Path("/srv/copies")),
        StoreSettings("far", bucket="b", credentials_file=Path("/etc/keys")),
    ),
    fingerprint="ab" * 32,
    command=CommandSource(123, "cd" * 32),
    expires_at=NOON + timedelta(hours=1),
    consent=Consent(needed=1, people=(11,), asker_confirms=True),
    hints={"seconds": [1.5, 2]},
    audit_head=AuditHead(7, "a" * 64),
    keys=KeySettings(("age1a", "age1b"), "age1c", Path("/etc/drill.key")),
    contents=ContentSettings(True, False, Path("/state/own.db"), Path("/etc/own.toml")),
    retention=RetentionSettings(KeepSettings(daily=7, monthly=12), proven=1),
)
PLAN = Plan(
    summary="It would be done.",
    binding={"version": "1"},
    steps=("One", "Two"),
    way_back="None is needed.",
    preconditions=(Precondition("free_space", "There is room.", holds=True),),
    estimates={"size_bytes": 5},
)
RESULT = RunResult(
    job=1,
    attempt=2,
    mode="plan",
    status=ResultStatus.PLANNED,
    reason=Reason.DONE,
    sentence="It is planned.",
    state="Nothing was changed.",
    started_at=NOON,
    ended_at=NOON + timedelta(seconds=2),
    boot_id="boot",
    hint="Do it.",
    next="history",
    facts={"a": [1, None, {"b": True}]},
    plan=PLAN,
    fingerprint="ef" * 32,
    card_sha256="01" * 32,
    tail="said\nlast",
)


class StoppedClock:
    """Always noon."""

    def now(self) -> datetime:
        return NOON


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "12-2")
    assert made.make(SPEC)
    return made


@pytest.fixture
def writer(folder: RunFolder) -> JournalWriter:
    return JournalWriter(folder, Redactor([SECRET]), StoppedClock())


def records(folder: RunFolder) -> list[Record]:
    return JournalReader(folder.journal_file).read()


def test_a_spec_of_the_version_before_seals_to_nobody() -> None:
    record = SPEC.to_json()
    del record["keys"]

    assert RunSpec.from_json(record) == replace(SPEC, keys=KeySettings())


def test_a_spec_of_the_version_before_chooses_nothing_beside_what_every_copy_holds() -> None:
    record = SPEC.to_json()
    del record["contents"]

    assert RunSpec.from_json(record) == replace(SPEC, contents=ContentSettings())


def test_a_spec_of_a_bot_that_knew_no_retention_lets_nothing_go() -> None:
    record = SPEC.to_json()
    del record["retention"]

    assert RunSpec.from_json(record) == replace(SPEC, retention=None)


@pytest.mark.parametrize("rules", [{}, {"keep": 7}, {"keep": {"dayly": 7}}])
def test_rules_that_are_not_understood_stop_the_run(rules: JSON) -> None:
    with pytest.raises(Unreadable, match="`retention` of the spec"):
        RunSpec.from_json({**SPEC.to_json(), "retention": rules})


def test_a_spec_comes_back_as_it_was_written(folder: RunFolder) -> None:
    assert folder.read_spec() == SPEC


def test_a_result_comes_back_as_it_was_written(folder: RunFolder) -> None:
    assert folder.read_result() is None
    folder.write_result(RESULT)
    assert folder.read_result() == RESULT


def test_a_plan_can_be_kept_as_json() -> None:
    kept = RESULT.plan_as_json()
    assert kept is not None
    assert kept["preconditions"] == [
        {"name": "free_space", "sentence": "There is room.", "holds": True}
    ]


def test_secrets_are_named_by_their_file_only(folder: RunFolder) -> None:
    assert json.loads(folder.spec_file.read_text())["stores"][1] == {
        "name": "far",
        "path": None,
        "bucket": "b",
        "prefix": "",
        "endpoint": None,
        "region": None,
        "credentials_file": "/etc/keys",
    }


@pytest.mark.parametrize("version", [0, 1])
def test_the_version_before_is_read_too(version: int) -> None:
    assert RunSpec.from_json(SPEC.to_json() | {"version": version}) == SPEC
    assert RunResult.from_json(RESULT.to_json() | {"version": version}) == RESULT


@pytest.mark.parametrize("version", [-1, 2, "1", None, True])
def test_another_version_is_refused(version: int | str | None) -> None:
    with pytest.raises(Unreadable, match="version"):
        RunSpec.from_json(SPEC.to_json() | {"version": version})
    with pytest.raises(Unreadable, match="version"):
        RunResult.from_json(RESULT.to_json() | {"version": version})


def test_what_a_later_minor_version_adds_is_passed_over() -> None:
    assert RunSpec.from_json(SPEC.to_json() | {"new": 1}) == SPEC


@pytest.mark.parametrize("name", sorted(set(SPEC.to_json())))
def test_a_damaged_spec_is_refused_and_the_field_named(name: str) -> None:
    with pytest.raises(Unreadable, match=name):
        RunSpec.from_json(SPEC.to_json() | {name: 1.5})


@pytest.mark.parametrize("name", sorted(set(RESULT.to_json())))
def test_a_damaged_result_is_refused(name: str) -> None:
    with pytest.raises(Unreadable):
        RunResult.from_json(RESULT.to_json() | {name: 1.5})


@pytest.mark.parametrize(
    "text", ["12", "12-", "-1", "012-1", "12-1 ", "0-1", "1-0", "a-b", "1-1-1"]
)
def test_only_a_run_name_names_a_run(text: str) -> None:
    with pytest.raises(ValueError, match=r"run|literal"):
        RunName.parse(text)


def test_a_run_name_is_read_back() -> None:
    assert RunName.parse("12-3") == RunName(12, 3)


def test_all_that_a_handler_says_stands_in_the_journal(
    folder: RunFolder, writer: JournalWriter
) -> None:
    writer.started(7, "boot", "run")
    with writer.step("Dump"):
        writer.progress("Dumping", done=1, total=2)
        writer.fact("size_bytes", 5)
    with pytest.raises(KeyError), writer.step("Check"):
        raise KeyError
    writer.finished("failed")

    told = records(folder)
    assert [record.kind for record in told] == [
        *(RecordKind.STARTED, RecordKind.STEP, RecordKind.PROGRESS, RecordKind.FACT),
        *(RecordKind.STEP_DONE, RecordKind.STEP, RecordKind.STEP_DONE, RecordKind.FINISHED),
    ]
    assert [record.number for record in told] == list(range(1, 9))
    assert told[2].content == {"sentence": "Dumping", "done": 1, "total": 2}
    assert told[4].content["ok"] is True
    assert told[6].content["ok"] is False
    assert {record.at for record in told} == {NOON}
    assert (writer.steps_done, writer.present_step) == (["Dump"], "Check")
    writer.close()


def test_progress_is_written_once_a_second_at_most(
    folder: RunFolder, writer: JournalWriter
) -> None:
    for done in range(10_000):
        writer.progress("Going on", done=done, total=10_000)

    assert 1 <= len(records(folder)) <= 3
    writer.close()


def test_a_secret_reaches_no_file(folder: RunFolder, writer: JournalWriter) -> None:
    writer.progress(f"with {SECRET}")
    writer.fact("deep", {"in": [f"<{SECRET}>"]})
    writer.output(SECRET[:7])
    writer.output(SECRET[7:] + " again\n")
    with writer.step(f"Use {SECRET}"):
        pass
    writer.close()

    for file in folder.path.iterdir():
        assert SECRET not in file.read_text()
    assert writer.facts == {"deep": {"in": [f"<{MASK}>"]}}
    assert f"{MASK} again\n" in folder.output_file.read_text()


def test_the_group_may_read_and_nobody_may_write(folder: RunFolder, writer: JournalWriter) -> None:
    writer.close()
    folder.write_result(RESULT)

    assert folder.path.stat().st_mode & 0o777 == 0o750
    assert {file.stat().st_mode & 0o777 for file in folder.path.iterdir()} == {0o640}


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    lines = [Record(n, NOON, RecordKind.STEP, {"title": "é" * n}).to_line() for n in range(1, 4)]
    reader = JournalReader(file)
    assert reader.read() == []
    seen: list[int] = []

    with file.open("ab", buffering=0) as journal:
        for byte in b"".join(lines):
            journal.write(bytes([byte]))
            seen += (record.number for record in reader.read())

    assert seen == [1, 2, 3]
    assert reader.offset == file.stat().st_size
    assert not reader.has_more()


def test_a_reader_goes_on_where_another_left_off(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    first, second = (Record(n, NOON, RecordKind.STEP, {}).to_line() for n in (1, 2))
    file.write_bytes(first)
    before = JournalReader(file)
    before.read()
    file.write_bytes(first + second)

    assert [record.number for record in JournalReader(file, before.offset).read()] == [2]


def test_a_damaged_line_is_passed_over_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    good = Record(2, NOON, RecordKind.FACT, {"name": "a", "value": 1}).to_line()
    file.write_bytes(b'{"v": 1, "n": 1, "at": "20\n\n' + b'{"v": 9}\n[]\n\xff\xfe\n' + good)

    reader = JournalReader(file)

    assert [record.number for record in reader.read()] == [2]
    assert reader.damaged == 4


def test_a_long_log_is_cut_with_a_line_that_says_so(folder: RunFolder) -> None:
    log = OutputLog(folder, Redactor(()), largest_bytes=1000)
    for number in range(1000):
        log.write(f"line {number}\n")
    log.close()

    lines = folder.output_file.read_text().splitlines()
    assert lines[0] == "line 0"
    assert lines[-1].startswith("[the log was cut here")
    assert folder.output_file.stat().st_size < 1100
    assert log.tail().splitlines()[-1] == "line 999"


def test_a_full_disk_ends_neither_the_log_nor_the_journal(
    folder: RunFolder, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(writer, "_descriptor", full)
    monkeypatch.setattr(writer.log, "_descriptor", os.dup(full))

    with writer.step("Dump"):
        writer.output("said\n" * 1000)

    assert writer.damage == "The journal could not be written: No space left on device."
    assert writer.log.tail().endswith("said")
    writer.close()


def test_the_room_for_the_result_is_kept_and_given_back(folder: RunFolder) -> None:
    folder.reserve()
    reserved = folder.path / "result.json.new"
    assert reserved.stat().st_blocks * 512 >= 64 * 1024

    folder.write_result(RESULT)

    assert not reserved.exists()
    assert folder.read_result() == RESULT
    assert folder.result_file.stat().st_size < 8 * 1024


def test_a_folder_is_claimed_once(folder: RunFolder) -> None:
    assert not folder.has_begun
    assert folder.claim(detached=False)
    assert not folder.claim(detached=False)

    runner = folder.runner()
    assert runner is not None
    assert runner.is_running
    assert runner.session is None
    assert not replace(runner, boot_id="another").is_running
    assert not replace(runner, start_time=runner.start_time + 1).is_running


def test_a_folder_in_which_nothing_began_is_used_again(folder: RunFolder) -> None:
    assert folder.make(SPEC)
    folder.claim(detached=False)
    assert not folder.make(SPEC)


def test_times_without_a_zone_are_refused() -> None:
    naive = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None).isoformat()
    with pytest.raises(Unreadable, match="created_at"):
        RunSpec.from_json(SPEC.to_json() | {"created_at": naive})
