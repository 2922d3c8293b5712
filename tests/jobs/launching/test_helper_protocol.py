"""The helper's protocol: a closed list of typed requests, and an answer to whatever is said."""

import json
import socket
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.contract import JSON
from jobs.journal import RunName, RunSpec
from jobs.launcher import AnswerLost, Launcher, LauncherUnavailable, RunHandle, RunStatus
from jobs.launching.grant import Grant
from jobs.launching.helper_launcher import HelperLauncher
from jobs.launching.helper_protocol import LONGEST_LINE_BYTES, TABLE, answer
from jobs.runs.run_unit import UnitEnd
from tests.fakes.helper import FakeHelper
from tests.fakes.runs import planning, spec

HOST = Path("/srv/host")
GRANT = Grant(
    schedule="nightly",
    command="backup now",
    cron="0 2 * * *",
    tz="Europe/Berlin",
    policy_sha256="0" * 64,
    epoch=1,
    message_id=4711,
)
#: One of each, as it is sent.
FRAMES: dict[str, dict[str, JSON]] = {
    "plan": {"spec": planning(spec(HOST)).to_json()},
    "start": {"spec": spec(HOST).to_json()},
    "cancel": {"run": "12-2"},
    "status": {"run": "12-2"},
    "facts": {},
    "grant": {"grant": GRANT.to_json()},
    "revoke": {"schedule": "nightly"},
}


@dataclass
class Asked:
    """A launcher that starts nothing and keeps what it was asked for."""

    for_: list[tuple[str, object]] = field(default_factory=list)

    def plan(self, spec: RunSpec) -> RunHandle:
        self.for_.append(("plan", spec))
        return RunHandle(spec.name, Path("/runs") / str(spec.name))

    def start(self, spec: RunSpec) -> RunHandle:
        self.for_.append(("start", spec))
        return RunHandle(spec.name, Path("/runs") / str(spec.name))

    def cancel(self, run: RunName) -> None:
        self.for_.append(("cancel", run))

    def status(self, run: RunName) -> RunStatus:
        self.for_.append(("status", run))
        end = UnitEnd("oom-kill", "killed", "KILL")
        return RunStatus(known=True, begun=True, left_over=("sh (1)",), unit_end=end)

    def facts(self) -> None:
        self.for_.append(("facts", None))

    def grant(self, grant: Grant) -> str:
        self.for_.append(("grant", grant))
        return grant.mark

    def revoke(self, schedule: str) -> bool:
        self.for_.append(("revoke", schedule))
        return True


def frame(request: str, **changes: JSON) -> bytes:
    return json.dumps({"version": 1, "request": request, **FRAMES[request], **changes}).encode()


def said(asked: Launcher, line: bytes) -> dict[str, JSON]:
    """The answer, which is one line of our version whatever was asked."""
    answered = answer(asked, line)
    assert answered.endswith(b"\n")
    assert answered.count(b"\n") == 1
    record: dict[str, JSON] = json.loads(answered)
    assert record["version"] == 1
    return record


def refused(line: bytes) -> None:
    asked = Asked()
    answered = said(asked, line)
    assert (answered["ok"], answered["error"]) == (False, "unreadable")
    assert asked.for_ == []


def test_the_list_of_requests_is_closed_and_is_what_a_launcher_does() -> None:
    assert list(TABLE) == ["plan", "start", "cancel", "status", "facts", "grant", "revoke"]
    assert {name for name in vars(Launcher) if not name.startswith("_")} == set(TABLE)


def test_every_request_arrives_as_it_was_sent() -> None:
    asked = Asked()
    with tempfile.TemporaryDirectory(prefix="ops") as directory:
        path = Path(directory) / "helper.sock"
        with FakeHelper(path, asked):
            launcher = HelperLauncher(path)
            assert launcher.plan(planning(spec(HOST))).name == RunName(1, 1)
            assert launcher.start(spec(HOST)).folder == Path("/runs/1-1")
            launcher.cancel(RunName(12, 2))
            assert launcher.status(RunName(12, 2)) == Asked().status(RunName(12, 2))
            launcher.facts()
            assert launcher.grant(GRANT) == GRANT.mark
            assert launcher.revoke("nightly")

    assert asked.for_ == [
        ("plan", planning(spec(HOST))),
        ("start", spec(HOST)),
        ("cancel", RunName(12, 2)),
        ("status", RunName(12, 2)),
        ("facts", None),
        ("grant", GRANT),
        ("revoke", "nightly"),
    ]


@pytest.mark.parametrize("request_name", list(TABLE))
def test_a_request_of_each_kind_is_carried_out_once(request_name: str) -> None:
    asked = Asked()

    assert said(asked, frame(request_name) + b"\n")["ok"] is True
    assert [name for name, _ in asked.for_] == [request_name]


@pytest.mark.parametrize("version", [0, 2, -1, 10**30, "1", 1.0, True, None])
@pytest.mark.parametrize("request_name", list(TABLE))
def test_another_version_is_refused(request_name: str, version: JSON) -> None:
    refused(frame(request_name, version=version) + b"\n")


@pytest.mark.parametrize("request_name", list(TABLE))
def test_a_field_that_is_not_expected_is_refused(request_name: str) -> None:
    refused(frame(request_name, force=True) + b"\n")


@pytest.mark.parametrize("request_name", ["shell", "Start", "start ", "", "__init__", "x" * 10_000])
def test_a_request_that_is_not_on_the_list_is_refused(request_name: str) -> None:
    refused(json.dumps({"version": 1, "request": request_name, "run": "1-1"}).encode() + b"\n")


@pytest.mark.parametrize("request_name", list(TABLE))
def test_half_a_line_is_refused(request_name: str) -> None:
    refused(frame(request_name))
    refused(frame(request_name)[:-1] + b"\n")


def test_the_longest_line_is_taken_and_a_longer_one_refused() -> None:
    whole = frame("facts").ljust(LONGEST_LINE_BYTES - 1) + b"\n"

    assert said(Asked(), whole)["ok"] is True
    refused(b" " + whole)


@pytest.mark.parametrize(
    "name",
    ["../../etc", "1-1/..", "1-1\n", "0-1", "1-0", "-1-1", "1-1-1", "01-1", "1_0-1", "１-1", "",
     "9" * 400 + "-1", f"{2**63}-1", "1-1\0"],
)  # fmt: skip
def test_a_run_has_a_name_or_is_refused(name: str) -> None:
    refused(frame("status", run=name) + b"\n")
    refused(frame("cancel", run=name) + b"\n")


@pytest.mark.parametrize(
    ("field_name", "value"),
    [
        *(("job", value) for value in (0, -5, 2**63, "1", 1.5)),
        *(("attempt", value) for value in (0, -1, 10**400)),
        *(("epoch", value) for value in (0, "../x")),
        ("mode", "plan"),
        ("mode", "shell"),
        ("asker", None),
        ("host", {"root": 7}),
        ("host", []),
        ("stores", [{}]),
        ("stores", [[]]),
        ("arguments", []),
        ("created_at", "2026-01-01T00:00:00"),
    ],
)
def test_a_spec_that_is_wrong_in_one_field_is_refused(field_name: str, value: JSON) -> None:
    refused(frame("start", spec={**spec(HOST).to_json(), field_name: value}) + b"\n")


def test_a_plan_cannot_be_asked_for_with_the_spec_of_a_run() -> None:
    refused(frame("plan", spec=spec(HOST).to_json()) + b"\n")


@pytest.mark.parametrize(
    ("field_name", "value"),
    [
        *(("schedule", value) for value in ("", "-nightly", "a" * 41, "a/b", "a\n", None)),
        *(("command", value) for value in ("", "backup\nnow", "x" * 501, "@ops", 7)),
        *(("cron", value) for value in ("* * * *", "* * * * * *", "0 2 * * *\n", "$(x) * * * *")),
        *(("tz", value) for value in ("../etc/passwd", "/UTC", "a/b/c/d", "")),
        *(("policy_sha256", value) for value in ("0" * 63, "G" * 64, None)),
        *(("epoch", value) for value in (0, "1", 2**63)),
        ("message_id", 0),
        ("approved", True),
    ],
)
def test_a_grant_that_is_wrong_in_one_field_is_refused(field_name: str, value: JSON) -> None:
    refused(frame("grant", grant={**GRANT.to_json(), field_name: value}) + b"\n")


def test_deep_nesting_is_refused() -> None:
    refused(b"[" * 100_000 + b"\n")
    refused(b'{"a":' * 50_000 + b"\n")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_has_no_effect(noise: bytes) -> None:
    refused(noise)
    refused(noise + b"\n")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*TABLE, "shell"]), st.dictionaries(st.text(max_size=10), VALUES), VALUES)
def test_a_frame_of_random_fields_has_no_effect(
    request_name: str, fields: dict[str, JSON], version: JSON
) -> None:
    record = {**fields, "request": request_name, "version": version}
    asked = Asked()
    answered = said(asked, json.dumps(record).encode() + b"\n")
    # Only `facts` needs nothing more than its name.
    if asked.for_:
        assert record == {"request": "facts", "version": 1}
    else:
        assert answered["error"] == "unreadable"


PLACES = [
    (name, (outer, *inner))
    for name, content in FRAMES.items()
    for outer, value in content.items()
    for inner in ([()] + [(key,) for key in value] if isinstance(value, dict) else [()])
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_a_frame_with_one_random_field_is_refused_or_carried_out_as_it_stands(
    place: tuple[str, tuple[str, ...]], value: JSON
) -> None:
    request_name, path = place
    record = json.loads(frame(request_name))
    at = record
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    asked = Asked()

    answered = said(asked, json.dumps(record).encode() + b"\n")

    assert len(asked.for_) == (1 if answered["ok"] else 0)
    for name, taken in asked.for_:
        assert name == request_name
        if isinstance(taken, RunSpec):
            # Whatever is carried out can be written down, and read again as the same.
            assert RunSpec.from_json(json.loads(json.dumps(taken.to_json()))) == taken


def test_nobody_at_the_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(LauncherUnavailable, match=r"does not answer at .*helper\.sock"):
        HelperLauncher(tmp_path / "helper.sock").status(RunName(1, 1))


def test_nobody_at_the_socket_has_started_nothing(tmp_path: Path) -> None:
    with pytest.raises(LauncherUnavailable) as raised:
        HelperLauncher(tmp_path / "helper.sock").start(spec(HOST))
    assert not isinstance(raised.value, AnswerLost)


@pytest.mark.parametrize(
    ("reply", "is_lost"),
    [
        (b"", True),
        (b"nonsense\n", True),
        (b"[]\n", True),
        (b'{"version": 7, "ok": true}\n', True),
        (b'{"version": 0, "ok": true}\n', True),
        (b'{"version": 1}\n', True),
        (b'{"version": 1, "ok": true}\n', True),
        (b'{"version": 1, "ok": false}\n', True),
        (b'{"version": 1, "ok": false, "error": "unclear", "message": "Full."}\n', True),
        (b'{"version": 1, "ok": false, "error": "unreadable", "message": "No."}\n', False),
        (b'{"version": 7, "ok": false, "error": "unreadable", "message": "No."}\n', False),
        (b'{"version": 1, "ok": true, "run": "0", "folder": "/"}\n', True),
    ],
)
def test_an_answer_that_is_not_understood_is_no_answer(reply: bytes, is_lost: bool) -> None:
    """Nor does it say that nothing was started, unless it is a refusal."""
    with tempfile.TemporaryDirectory(prefix="ops") as directory:
        path = Path(directory) / "helper.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()

            def serve() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(reply)

            thread = threading.Thread(target=serve)
            thread.start()
            with pytest.raises(LauncherUnavailable) as raised:
                HelperLauncher(path).start(spec(HOST))
            assert isinstance(raised.value, AnswerLost) is is_lost
            thread.join()
