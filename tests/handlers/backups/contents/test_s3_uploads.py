"""Uploads that Zulip keeps in S3 are told of in the plan, the copy and the outcome."""

import pytest

from bot.demo.s3_server import S3Server
from handlers.backups import catalogue, take_backup
from tests.handlers.backups.conftest import Desk


def keep_in_s3(desk: Desk, bucket: str, endpoint: str, credentials: tuple[str, str]) -> None:
    layout = desk.host.layout
    layout.settings_file.write_text(
        f'S3_AUTH_UPLOADS_BUCKET = "{bucket}"\nS3_ENDPOINT_URL = "{endpoint}"\n', encoding="utf-8"
    )
    with layout.secrets_file.open("a", encoding="utf-8") as file:
        file.write(f"s3_key = {credentials[0]}\ns3_secret_key = {credentials[1]}\n")


@pytest.fixture
def in_s3(desk: Desk, s3: S3Server) -> Desk:
    file = s3.store_settings("any", prefix="").credentials_file
    assert file is not None
    key, secret = file.read_text(encoding="utf-8").split()
    keep_in_s3(desk, s3.bucket, s3.endpoint, (key, secret))
    return desk


def test_they_are_not_copied_and_that_is_said_with_what_guards_them(
    in_s3: Desk, s3: S3Server
) -> None:
    outcome = in_s3.back_up()

    snapshot = catalogue.snapshot(in_s3.store, str(outcome.facts["snapshot"]))
    buckets = snapshot.facts["uploads_in_s3"]
    assert isinstance(buckets, list)
    [known] = buckets
    assert isinstance(known, dict)
    assert (known["bucket"], known["versioning"]) == (s3.bucket, "off")
    [said] = [each for each in snapshot.left_out if each.startswith("Uploads in the S3 bucket")]
    assert "Old versions are NOT kept there: what is deleted or replaced is gone." in said
    assert "NO uploads, which Zulip keeps in S3," in outcome.sentence
    assert snapshot.named_files is None


def test_the_plan_says_so_before(in_s3: Desk, s3: S3Server) -> None:
    plan = take_backup.plan(in_s3.context(), take_backup.Args())

    assert plan.estimates["uploads"] == (
        f"in the S3 bucket {s3.bucket}, where Zulip keeps them; NOT copied"
    )


def test_a_bucket_that_does_not_answer_stops_no_backup(desk: Desk) -> None:
    keep_in_s3(desk, "files", "http://127.0.0.1:9", ("a", "b"))

    outcome = desk.back_up()

    left_out = catalogue.snapshot(desk.store, str(outcome.facts["snapshot"])).left_out
    [said] = [each for each in left_out if each.startswith("Uploads in the S3 bucket files")]
    assert "Whether old versions are kept there is not known." in said
    assert "http://127.0.0.1:9 cannot be used" in said
