"""`backup key check`: only who opens the question with the recovery key can answer it."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.replies.copies import shown
from handlers.backups.custody import check_key
from handlers.backups.custody.proofs import FOLDER, GOOD_FOR, last_proof
from handlers.contract import Context, Outcome
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host import processes
from handlers.host.age import Identity, key_id
from handlers.host.settings import HostSettings, KeySettings
from tests.handlers.backups.conftest import START, Journal, TickingClock

KEYS = (Identity.generate(), Identity.generate())
NEEDS_AGE = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


class Custody:
    """One installation, asked and answered as the runner does it."""

    def __init__(self, directory: Path, *keys: Identity) -> None:
        self.directory = directory / "state"
        self.clock = TickingClock()
        self.settings = KeySettings(tuple(each.recipient for each in keys))
        self.journal = Journal()

    def run(self, answer: str | None = None, by: str = "Iago") -> Outcome:
        context = Context(
            job=1,
            attempt=1,
            host=HostSettings(),
            stores=(),
            journal=self.journal,
            clock=self.clock,
            keys=self.settings,
            state_directory=self.directory,
            asked_by=by,
        )
        args = check_key.Args(answer)
        return check_key.run(context, args, check_key.plan(context, args))

    def questions(self) -> list[str]:
        """As the bot posts them: files of age, to be copied."""
        text = shown("backup key check", self.run().facts, "ops") or ""
        return [part.split("```")[0].strip() + "\n" for part in text.split("```text\n")[1:]]

    def held_since(self, key: Identity) -> datetime | None:
        proof = last_proof(self.directory, key_id(key.recipient))
        return None if proof is None else proof.at


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path, KEYS[0])


def opened(question: str, key: Identity, folder: Path) -> str:
    """By the real age program, as a person does it elsewhere."""
    (folder / "recovery.key").write_text(f"{key.text}\n")
    (folder / "question.txt").write_text(question)
    argv = ("age", "-d", "-i", str(folder / "recovery.key"), str(folder / "question.txt"))
    return processes.run(argv, timeout=timedelta(seconds=20)).output


@NEEDS_AGE
def test_whoever_opens_the_question_has_shown_the_key(custody: Custody, tmp_path: Path) -> None:
    [question] = custody.questions()
    answer = opened(question, KEYS[0], tmp_path)

    outcome = custody.run(answer, by="Desdemona")

    named = key_id(KEYS[0].recipient)
    assert outcome.sentence == (
        f"That is it: Desdemona has the recovery key `{named}` at hand, and copies that are sealed"
        " to it can be opened. With that the key is set up. It is to be shown again by 2026-12-24."
    )
    proof = last_proof(custody.directory, named)
    assert proof is not None
    assert proof.by == "Desdemona"
    assert START < proof.at < START + timedelta(minutes=1)


@NEEDS_AGE
def test_an_answer_counts_once_and_later_ones_end_no_set_up(
    custody: Custody, tmp_path: Path
) -> None:
    answer = opened(custody.questions()[0], KEYS[0], tmp_path)
    custody.run(answer)

    with pytest.raises(BadCommand, match="That is not what was last sealed"):
        custody.run(answer)
    again = custody.run(opened(custody.questions()[0], KEYS[0], tmp_path))

    assert "set up" not in again.sentence


@NEEDS_AGE
def test_it_is_taken_however_it_was_typed(custody: Custody, tmp_path: Path) -> None:
    answer = opened(custody.questions()[0], KEYS[0], tmp_path)

    assert "That is it" in custody.run(answer.lower().replace("-", "")).sentence


@NEEDS_AGE
def test_of_several_keys_each_has_a_question_of_its_own(tmp_path: Path) -> None:
    custody = Custody(tmp_path, *KEYS)
    first, second = custody.questions()

    custody.run(opened(second, KEYS[1], tmp_path))

    assert custody.held_since(KEYS[0]) is None
    assert custody.held_since(KEYS[1]) is not None
    with pytest.raises(HostFailure):
        opened(first, KEYS[1], tmp_path)


def test_a_wrong_answer_proves_nothing_and_takes_nothing(custody: Custody) -> None:
    custody.questions()

    with pytest.raises(BadCommand) as refused:
        custody.run("AAAA-BBBB-CCCC-DDDD")

    assert refused.value.hint is not None
    assert "`backup key check`" in refused.value.hint
    assert custody.held_since(KEYS[0]) is None
    assert list((custody.directory / FOLDER).glob("*.asked.json"))


@NEEDS_AGE
def test_an_answer_that_comes_too_late_is_none(custody: Custody, tmp_path: Path) -> None:
    answer = opened(custody.questions()[0], KEYS[0], tmp_path)
    custody.clock.move(GOOD_FOR + timedelta(minutes=1))

    with pytest.raises(BadCommand):
        custody.run(answer)


@NEEDS_AGE
def test_only_the_last_question_counts(custody: Custody, tmp_path: Path) -> None:
    answer = opened(custody.questions()[0], KEYS[0], tmp_path)
    custody.questions()

    with pytest.raises(BadCommand):
        custody.run(answer)


@NEEDS_AGE
def test_the_answer_lies_nowhere_on_the_host(custody: Custody, tmp_path: Path) -> None:
    answer = opened(custody.questions()[0], KEYS[0], tmp_path)

    for path in custody.directory.rglob("*.json"):
        assert answer not in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o644
    said = repr((custody.journal.facts, custody.journal.outputs, custody.journal.said))
    assert answer not in said


def test_without_a_recovery_key_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(HostFailure, match="No recovery key is configured") as failure:
        Custody(tmp_path).run()

    assert failure.value.reason is Reason.NOT_CONFIGURED


def test_a_directory_that_cannot_be_written_is_named(custody: Custody) -> None:
    custody.directory.parent.mkdir(exist_ok=True)
    custody.directory.write_text("a file")

    with pytest.raises(HostFailure, match=r"state\S* cannot be used: Not a directory"):
        custody.run()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": 3, "by": 4}'])
def test_a_damaged_proof_is_none(custody: Custody, text: str) -> None:
    folder = custody.directory / FOLDER
    folder.mkdir(parents=True)
    (folder / f"{key_id(KEYS[0].recipient)}.held.json").write_text(text)

    assert custody.held_since(KEYS[0]) is None
