"""Every reply says what it should, and survives being stored."""

import json
from dataclasses import fields, replace

import pytest

from bot.replies import alarms, answers, holding, job_news, observations, refusals, scheduling
from bot.replies.reply import Reply, kinds, render

NOW = "2026-11-23T12:00:00+00:00"
EARLIER = "2026-11-23T11:59:30+00:00"

SCHEDULE = {
    "name": "morning report",
    "command": "status",
    "explained": "at 08:00 every day",
    "tz": "UTC",
    "next_at": NOW,
    "last_due_at": None,
    "last_result": "job #3 succeeded",
    "paused": False,
}

OF_IAGO = {"source": "chat", "asker_name": "Iago", "asker_id": 5, "agreed_by": [6]}

SPOKEN: list[tuple[Reply, str]] = [
    (
        refusals.Refusal("I know no `bakcup`.", "Did you mean `backup now`?", "unknown_verb"),
        "I know no `bakcup`. Did you mean `backup now`?",
    ),
    (
        refusals.NotPermitted("backup now", ["operator"], ["viewer"]),
        "You may not run `backup now`: it needs the role *operator*; yours is *viewer*.",
    ),
    (
        refusals.NotPermitted("backup now", [], []),
        "Nobody may run `backup now` here: the policy names no role for it. "
        "Root adds one in zulip-ops.toml.",
    ),
    (
        refusals.WrongPlace("status", "ops", only_reads=True),
        "`status` is answered in #**ops** and in direct messages; "
        "what it shows is nobody's business here.",
    ),
    (
        refusals.WrongPlace("backup now", "ops"),
        "`backup now` changes the server, so ask for it in #**ops**, where others see it. "
        "Direct messages are for reading.",
    ),
    (
        alarms.ReadOnly("ops", "backup now", 3),
        "`backup now` would set something going, and I take nothing of that kind while incident #3 "
        "is open. `@ops incidents` says what happened and what ends it.",
    ),
    (
        alarms.ReadOnlyBegan("ops", 3, "#**ops** is public.", [], ends_itself=True),
        "**Incident #3, critical.** #**ops** is public.\n"
        "Void now, whatever its consent: nothing, since no job was waiting.\n"
        "Until that is put right, I take commands that read and that stop things. Root on the host "
        "is not held up.",
    ),
    (
        alarms.ReadOnlyBegan(
            "ops", 3, "Somebody has my key.", [{"id": 7, "command": "rollback"}], ends_itself=False
        ),
        "**Incident #3, critical.** Somebody has my key.\n"
        "Void now, whatever its consent: #7 (`rollback`).\n"
        'Until somebody closes this with `@ops incident 3 close --reason "what was done about it"`,'
        " I take commands that read and that stop things. Root on the host is not held up.",
    ),
    (
        alarms.KeyMisused("message", [100, 101]),
        "My account wrote messages 100 and 101, and that was not me: somebody else has my key. "
        "Make a new key for me in Zulip, put it into zuliprc, restart me, and find out where the "
        "old one leaked.",
    ),
    (
        alarms.ChannelOpened("ops", "left", []),
        "I am no longer subscribed to #**ops**, so I cannot see who reads it.",
    ),
    (
        alarms.TopicMoved(7, "backup now", "ops"),
        "The topic of job #7 (`backup now`) was moved to another channel, where others may read "
        "what it has told so far. What it still has to tell comes in #**ops**.",
    ),
    (
        refusals.TooOld(["backup now"], EARLIER),
        "I was away when you wrote `backup now` at <time:2026-11-23T11:59:30Z>, and I run nothing "
        "that is older than ten minutes, edited or moved. Repeat it if you still want it.",
    ),
    (
        refusals.TooOld(["backup now", "status"], EARLIER, more=3),
        "While I was away you wrote `backup now`, `status` and 3 more, the first at "
        "<time:2026-11-23T11:59:30Z>. I run nothing that is older than ten minutes, edited or "
        "moved. Repeat what you still want.",
    ),
    (
        refusals.TooMany(1, 10, NOW),
        "I take 10 commands a minute from one person and did not take one more of yours; it has "
        "no 👀. The next may come at <time:2026-11-23T12:00:00Z>.",
    ),
    (
        refusals.TooMany(41, 10, NOW),
        "I take 10 commands a minute from one person and did not take 41 more; they have "
        "no 👀. The next may come at <time:2026-11-23T12:00:00Z>.",
    ),
    (
        job_news.JobAccepted(12, "ops", "backup now · #12", to_confirm=True),
        "Job #12: its plan comes in #**ops>backup now · #12**. Confirm it there with ✅.",
    ),
    (
        job_news.JobAccepted(12, "ops", "upgrade · #12", to_confirm=True, others=1),
        "Job #12: its plan comes in #**ops>upgrade · #12**. Another person has to approve it "
        "there.",
    ),
    (
        job_news.JobAccepted(12, "ops", "restore · #12", to_confirm=True, others=2),
        "Job #12: its plan comes in #**ops>restore · #12**. 2 others have to approve it there.",
    ),
    (
        job_news.JobAccepted(12, "ops", "backup now · #12", to_confirm=False),
        "Job #12 starts now; follow it in #**ops>backup now · #12**.",
    ),
    (
        job_news.JobWaits(13, 12, "backup now"),
        "Job #13 waits for job #12 (`backup now`): only one job changes the server at a time. "
        "It starts by itself.",
    ),
    (
        job_news.HistoryPage("ops", [], None),
        "There are no jobs yet.",
    ),
    (
        job_news.LogPreview(12, "", "", 0),
        "Job #12 has written no output.",
    ),
    (
        answers.ScheduleList([]),
        "There are no schedules. `schedule add` makes one; root can also write them into "
        "zulip-ops.toml.",
    ),
    (
        answers.ScheduleList([SCHEDULE]),
        "- **morning report** runs `status` at 08:00 every day (UTC). "
        "Next: <time:2026-11-23T12:00:00Z>. It has not run yet. From zulip-ops.toml.",
    ),
    (
        answers.ScheduleList([SCHEDULE | {"last_due_at": EARLIER, "next_at": None}]),
        "- **morning report** runs `status` at 08:00 every day (UTC). "
        "No next. Last: <time:2026-11-23T11:59:30Z>, job #3 succeeded. From zulip-ops.toml.",
    ),
    (
        answers.ScheduleList([SCHEDULE | OF_IAGO | {"paused": True}]),
        "- **morning report** runs `status` at 08:00 every day (UTC). Paused. It has not run yet. "
        "Added by @_**Iago|5**, agreed to by @_**|6**.",
    ),
    (
        answers.ScheduleList([SCHEDULE | OF_IAGO | {"suspended": "it is no more"}]),
        "- **morning report** runs `status` at 08:00 every day (UTC). Suspended: it is no more. "
        "It has not run yet. Added by @_**Iago|5**, agreed to by @_**|6**.",
    ),
    (
        scheduling.ScheduleSuspended("ops", "nightly", "backup now", "they are gone", 5),
        "@**|5** The schedule **nightly** (`backup now`) was due and nothing was started: they are "
        "gone. It starts nothing until somebody agrees to it anew, with `@ops schedule change "
        "nightly`, or `@ops schedule resume nightly` once that is mended.",
    ),
    (
        scheduling.ScheduleSuspended("ops", "nightly", "status", "it is void", 5, was_due=False),
        "@**|5** The schedule **nightly** (`status`) is suspended: it is void. It starts nothing "
        "until somebody agrees to it anew, with `@ops schedule change nightly`.",
    ),
    (
        scheduling.ScheduleIsRoots("nightly", 12),
        "The schedule **nightly** of job #12 was not kept: zulip-ops.toml has one of that name, "
        "and the file goes before.",
    ),
    (
        holding.HoldBegan("ops", NOW, "the `exams`", 2),
        "Until <time:2026-11-23T12:00:00Z> nothing disruptive or destructive starts, because "
        "`` the `exams` ``; it ends by itself. 2 jobs wait for its end. `@ops holds` lists the "
        "holds.",
    ),
    (
        holding.JobHeld(12, "upgrade 10.4", NOW, "exams", 3, [], None),
        "Job #12 (`upgrade 10.4`) waits for the end of hold #3 (`exams`): it starts by itself "
        "after <time:2026-11-23T12:00:00Z>.",
    ),
    (
        holding.JobHeld(12, "upgrade 10.4", NOW, "exams", 3, [], EARLIER),
        "Job #12 (`upgrade 10.4`) waits for the end of hold #3 (`exams`) until "
        "<time:2026-11-23T12:00:00Z>. Its plan is good until <time:2026-11-23T11:59:30Z> only, so "
        "it expires unless the hold is ended before.",
    ),
    (
        holding.JobHeld(12, "upgrade 10.4", None, None, None, ["Sun 02:00-03:00 UTC"], EARLIER),
        "Job #12 (`upgrade 10.4`) waits for its window, `Sun 02:00-03:00 UTC`, which does not come "
        "within two weeks.",
    ),
    (
        answers.HelpOn(
            "ops",
            [
                {
                    "name": "backup now",
                    "summary": "back up everything",
                    "effect": "routine",
                    "example": "backup now",
                    "parameters": [
                        {
                            "usage": "[--to STORE]",
                            "summary": "copy only to this store",
                            "example": "local",
                        },
                        {"usage": "[--quick]", "summary": "do less", "example": None},
                    ],
                }
            ],
        ),
        "**backup now**: back up everything. It is routine: you confirm it with ✅ on the plan.\n"
        "- `[--to STORE]`: copy only to this store, for example `local`\n"
        "- `[--quick]`: do less\n"
        "- For example: `@ops backup now`",
    ),
    (
        observations.BackupList("ops", NOW, [], 0, [], None),
        "There is no backup yet. Take one: `@ops backup now`.",
    ),
    (
        observations.BackupList("ops", NOW, [], 0, [], None, problem="The check ended."),
        "I could not see which backups there are: The check ended.",
    ),
    (
        observations.BackupList(
            "ops",
            NOW,
            [
                {
                    "id": "one",
                    "job": 3,
                    "created_at": EARLIER,
                    "size_bytes": 4_100_000,
                    "stores": [
                        {"name": "local", "verified_at": NOW},
                        {"name": "s3", "verified_at": None, "kept_until": EARLIER},
                        {"name": "far", "verified_at": EARLIER, "compared_at": NOW},
                        {
                            "name": "old",
                            "verified_at": NOW,
                            "kept_until": "2026-12-01T00:00:00+00:00",
                            "marked_at": EARLIER,
                        },
                    ],
                }
            ],
            0,
            [],
            EARLIER,
        ),
        "- <time:2026-11-23T11:59:30Z> (30 s ago) · 4.1 MB · job #3 · "
        "verified in local, far and old; stored in s3, **not verified**; bytes in far compared "
        "<time:2026-11-23T12:00:00Z>, content last read <time:2026-11-23T11:59:30Z>; "
        "unproven; kept in old until <time:2026-12-01T00:00:00Z>; **to be removed** from old · "
        "`one`\n"
        "As seen in the stores 30 s ago.",
    ),
]


@pytest.mark.parametrize(("reply", "text"), SPOKEN, ids=lambda value: getattr(value, "kind", ""))
def test_a_reply_says(reply: Reply, text: str) -> None:
    assert reply.text() == text


@pytest.mark.parametrize("reply", [spoken[0] for spoken in SPOKEN], ids=lambda reply: reply.kind)
def test_a_reply_is_the_same_after_it_was_stored(reply: Reply) -> None:
    stored = json.loads(json.dumps(reply.stored()))
    assert render(reply.kind, stored) == reply.text()


FAILED = job_news.JobEnded(
    bot_name="ops",
    job=12,
    command="backup now",
    status="failed",
    asker_name="Iago",
    asker_id=9,
    sentence="The disk is full.",
    state="Nothing was changed.",
    hint="Free some space.",
    next="backup now",
    seconds=4.2,
)


def test_a_failed_job_is_told_in_four_lines_and_its_output_is_folded() -> None:
    text = replace(FAILED, tail="== Copy\none\ntwo").text()
    head, sentence, server, following = text.split("\n")[:4]
    assert head == "@**Iago|9** **Job #12** (`backup now`) failed after 4.2 s."
    assert sentence == "The disk is full."
    assert server == "Nothing was changed."
    assert following == "Free some space. Next: `@ops backup now`."
    assert "spoiler The last lines of its output" in text
    assert "one\ntwo" in text


def test_what_only_we_said_is_no_output() -> None:
    assert len(replace(FAILED, tail="== Copy the database\n!! It failed.").text().split("\n")) == 4


def test_a_failure_without_advice_points_to_the_log() -> None:
    text = replace(FAILED, hint=None, next=None).text()
    assert text.endswith("\nNext: `@ops log 12` shows its output.")


def test_a_schedule_is_not_mentioned() -> None:
    assert replace(FAILED, asker_id=None).text().startswith("**Job #12** (`backup now`) failed")


def test_whoever_added_a_schedule_is_notified_of_its_failure() -> None:
    text = replace(FAILED, asker_id=None, notify=[5, 6]).text()
    assert text.startswith("@**|5** @**|6** **Job #12** (`backup now`) failed")


def test_a_success_says_what_to_look_at() -> None:
    text = replace(FAILED, status="succeeded", hint=None, next="backups", tail="one").text()
    assert text.endswith("\nNext: `@ops backups` lists the copies.")


def test_progress_marks_what_is_done_and_what_runs() -> None:
    steps: list[dict[str, object]] = [
        {"title": "Dump the database", "state": "done", "seconds": 3.0},
        {"title": "Read the copy back", "state": "running", "seconds": None},
    ]
    text = job_news.JobProgress(12, "backup now", EARLIER, steps, "12 of 40 objects").text()
    assert text == (
        "Job #12 (`backup now`) has been running since <time:2026-11-23T11:59:30Z>.\n"
        "- ✔ Dump the database · 3 s\n"
        "- … Read the copy back (running)\n"
        "  12 of 40 objects"
    )


@pytest.mark.parametrize(
    ("ended", "states", "head", "last"),
    [
        ("succeeded", ["done", "done"], "All 2 steps are done, in 4 s.", "- ✔ b · 1 s"),
        ("succeeded", ["done"], "The one step is done, in 4 s.", "- ✔ a · 1 s"),
        (
            "succeeded",
            ["done", "failed"],
            "1 of 2 steps are done, in 4 s; the others failed.",
            "- ✘ b failed · 1 s",
        ),
        ("failed", ["done", "failed"], "Step 2 failed, after 4 s.", "- ✘ b failed · 1 s"),
        ("cancelled", ["done", "failed"], "Step 2 failed, after 4 s.", "- ✘ b failed · 1 s"),
        ("interrupted", ["running"], "Job #12 was interrupted, after 4 s.", "- … a (did not end)"),
    ],
)
def test_the_last_status_message_counts_the_steps(
    ended: str, states: list[str], head: str, last: str
) -> None:
    steps: list[dict[str, object]] = [
        {"title": title, "state": state, "seconds": 1.0}
        for title, state in zip("ab", states, strict=False)
    ]
    text = job_news.JobProgress(12, "backup now", EARLIER, steps, "x", ended, 4.0).text()
    assert text.split("\n")[0] == head
    assert text.split("\n")[-1] == last


def test_status_counts_what_is_wrong_and_names_what_is_unknown() -> None:
    findings = {
        "disks": {"at": EARLIER, "level": "critical", "sentence": "/ is full.", "hint": "Free it."}
    }
    status = observations.ServerStatus(
        bot_name="ops",
        now=NOW,
        seen_by_bot={"ok": True, "sentence": "Zulip answers in 0.02 s."},
        findings=findings,
        round_ended_at=EARLIER,
        facts_problem=None,
        jobs=[],
        schedules=[],
    )
    text = status.text()
    assert text.startswith("**Server status: 1 critical** · host seen 30 s ago")
    assert "- **Disks**: **critical**: / is full. Free it." in text
    assert "- **Memory**: unknown. The last look at the host did not include it." in text


STORE = {
    "name": "local",
    "problem": None,
    "newest": "one",
    "created_at": EARLIER,
    "verified": True,
    "damaged": False,
}


@pytest.mark.parametrize(
    ("stores", "sentence"),
    [
        (
            [STORE],
            "The newest copy, in local, was taken <time:2026-11-23T11:59:30Z> and is verified.",
        ),
        (
            [STORE, STORE | {"name": "s3"}],
            "The newest copies, in local and s3, were taken <time:2026-11-23T11:59:30Z> "
            "and are verified.",
        ),
        (
            [STORE | {"verified": False}, STORE | {"name": "s3", "problem": "No answer."}],
            "The newest copy, in local, was taken <time:2026-11-23T11:59:30Z> "
            "and is **not verified**. The store s3 could not be read: No answer.",
        ),
        (
            [STORE | {"newest": None}, STORE | {"newest": None, "name": "s3"}],
            "There is no backup yet, in local or in s3.",
        ),
    ],
)
def test_status_says_when_the_newest_copies_were_taken(
    stores: list[dict[str, object]], sentence: str
) -> None:
    assert observations.copies_sentence(stores) == sentence


def test_every_field_of_every_reply_is_plain_data() -> None:
    for kind, reply in kinds().items():
        assert kind == reply.kind
        assert fields(reply)
