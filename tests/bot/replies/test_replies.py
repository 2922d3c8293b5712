"""Every reply says what it should, and survives being stored."""

import json
from dataclasses import fields

import pytest

from bot.replies import answers, job_news, observations, refusals
from bot.replies.reply import Reply, kinds, render

NOW = "2026-11-23T12:00:00+00:00"
EARLIER = "2026-11-23T11:59:30+00:00"

SPOKEN: list[tuple[Reply, str]] = [
    (
        refusals.Refusal("I know no `bakcup`.", "Did you mean `backup now`?", "unknown_verb"),
        "I know no `bakcup`. Did you mean `backup now`?",
    ),
    (
        refusals.NotPermitted("backup now", ["operator"], ["viewer"]),
        "You may not run `backup now`: it needs the role *operator*, and you have *viewer*. "
        "`whoami` shows what you may do.",
    ),
    (
        refusals.NotPermitted("backup now", [], []),
        "Nobody may run `backup now` here: the policy names no role for it. "
        "Root adds one in zulip-ops.toml.",
    ),
    (
        refusals.WrongPlace("backup now", "ops"),
        "`backup now` changes the server, so ask for it in #**ops**, where others see it. "
        "Direct messages are for reading.",
    ),
    (
        refusals.TooOld(["backup now"], EARLIER),
        "I was away when you wrote `backup now` at <time:2026-11-23T11:59:30Z>, and I run nothing "
        "that is older than ten minutes. Repeat it if you still want it.",
    ),
    (
        refusals.NotYet("upgrade 1.4", "upgrade Zulip"),
        "`upgrade 1.4` will upgrade Zulip; it comes with a later version of zulip-ops.",
    ),
    (
        job_news.JobAccepted(12, "backup now", "ops", "backup now · #12"),
        "`backup now` is job #12: #**ops>backup now · #12**.",
    ),
    (
        job_news.JobWaits(13, 12, "backup now"),
        "Job #13 waits for job #12 (`backup now`): only one job changes the server at a time. "
        "It starts by itself.",
    ),
    (
        job_news.HistoryPage([], None),
        "There are no jobs yet.",
    ),
    (
        job_news.LogPreview(12, "", "", 0),
        "Job #12 has written no output.",
    ),
    (
        answers.ScheduleList([]),
        "There are no schedules. Root adds them in zulip-ops.toml, as `[[schedules]]`.",
    ),
    (
        observations.BackupList(NOW, [], 0, [], None),
        "There is no backup yet. `backup now` takes one.",
    ),
]


@pytest.mark.parametrize(("reply", "text"), SPOKEN, ids=lambda value: getattr(value, "kind", ""))
def test_a_reply_says(reply: Reply, text: str) -> None:
    assert reply.text() == text


@pytest.mark.parametrize("reply", [spoken[0] for spoken in SPOKEN], ids=lambda reply: reply.kind)
def test_a_reply_is_the_same_after_it_was_stored(reply: Reply) -> None:
    stored = json.loads(json.dumps(reply.stored()))
    assert render(reply.kind, stored) == reply.text()


def test_a_failed_job_is_told_in_four_lines_and_its_output_is_folded() -> None:
    text = job_news.JobEnded(
        job=12,
        command="backup now",
        status="failed",
        asker_name="Iago",
        asker_id=9,
        sentence="The disk is full.",
        state="unchanged; earlier copies are untouched.",
        hint="Free some space.",
        next="backup now",
        seconds=4.2,
        tail="one\ntwo",
    ).text()
    head, sentence, server, following = text.split("\n")[:4]
    assert head == "**Job #12** (`backup now`) failed after 4.2 s."
    assert sentence == "The disk is full."
    assert server == "Server: unchanged; earlier copies are untouched."
    assert following == "Free some space. Next: `backup now`. For @**Iago|9**."
    assert "one\ntwo" in text


def test_progress_marks_what_is_done_and_what_runs() -> None:
    steps: list[dict[str, object]] = [
        {"title": "Dump the database", "state": "done", "seconds": 3.0},
        {"title": "Read the copy back", "state": "running", "seconds": None},
    ]
    text = job_news.JobProgress(12, "backup now", EARLIER, steps, "12 of 40 objects").text()
    assert "- ✔ Dump the database: done · 3 s" in text
    assert "- … Read the copy back: running" in text
    assert "12 of 40 objects" in text


def test_status_counts_what_is_wrong_and_names_what_is_unknown() -> None:
    findings = {
        "disks": {"at": EARLIER, "level": "critical", "sentence": "/ is full.", "hint": "Free it."}
    }
    status = observations.ServerStatus(
        now=NOW,
        seen_by_bot={"ok": True, "sentence": "Zulip answers in 0.02 s."},
        findings=findings,
        round_ended_at=EARLIER,
        facts_problem=None,
        jobs=[],
        schedules=[],
    )
    text = status.text()
    assert text.startswith("**Server status: 1 critical** · the host was looked at 30 s ago")
    assert "- **Disks**: **critical**: / is full. Free it." in text
    assert "- **Memory**: unknown. The last look at the host did not include it." in text


def test_every_field_of_every_reply_is_plain_data() -> None:
    for kind, reply in kinds().items():
        assert kind == reply.kind
        assert fields(reply)
