"""What is read from Zulip's settings, and what is not."""

from pathlib import Path

import pytest

from handlers.host.layout import Layout
from handlers.host.zulip_settings import UploadBuckets, secret, uploads_place

BUCKETS = 'S3_AUTH_UPLOADS_BUCKET = "files"\nS3_AVATAR_BUCKET = "pictures"\n'


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "etc/zulip").mkdir(parents=True)
    return Layout(tmp_path)


def write(layout: Layout, text: str) -> None:
    layout.settings_file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        pytest.param('LOCAL_UPLOADS_DIR = "/srv/u"\n', "srv/u", id="set"),
        pytest.param('LOCAL_UPLOADS_DIR: str = "/srv/u"\n', "srv/u", id="annotated"),
        pytest.param('LOCAL_UPLOADS_DIR = "/a"\nLOCAL_UPLOADS_DIR = "/b"\n', "b", id="twice"),
        pytest.param(f'{BUCKETS}LOCAL_UPLOADS_DIR = "/srv/u"\n', "srv/u", id="goes before S3"),
        pytest.param('# LOCAL_UPLOADS_DIR = "/srv/u"\n', "home/zulip/uploads", id="a comment"),
        pytest.param("LOCAL_UPLOADS_DIR = find()\n", "home/zulip/uploads", id="computed"),
        pytest.param(f"{BUCKETS}LOCAL_UPLOADS_DIR = find()\n", "home/zulip/uploads", id="and S3"),
        pytest.param('x = """\nLOCAL_UPLOADS_DIR = "/a"\n"""\n', "home/zulip/uploads", id="text"),
        pytest.param("def (", "home/zulip/uploads", id="no Python"),
        pytest.param("", "home/zulip/uploads", id="empty"),
    ],
)
def test_uploads_lie_in_a_directory(layout: Layout, text: str, directory: str) -> None:
    write(layout, text)

    found = uploads_place(layout)

    assert found.directory == layout.root / directory
    assert found.buckets is None


def test_uploads_lie_in_buckets_where_no_directory_is_set(layout: Layout) -> None:
    write(
        layout, f'{BUCKETS}LOCAL_UPLOADS_DIR = None\nS3_ENDPOINT_URL = "https://s3.example.org"\n'
    )

    assert uploads_place(layout).buckets == UploadBuckets(
        files="files", avatars="pictures", endpoint="https://s3.example.org"
    )


def test_a_bucket_that_is_computed_is_one_all_the_same(layout: Layout) -> None:
    write(layout, "S3_AUTH_UPLOADS_BUCKET = find()\n")

    assert uploads_place(layout).buckets == UploadBuckets(files=None, avatars=None)


def test_without_settings_it_is_the_installers_directory(layout: Layout) -> None:
    assert uploads_place(layout).directory == layout.uploads


def test_a_secret_is_read_and_a_broken_file_has_none(layout: Layout) -> None:
    assert secret(layout, "avatar_salt") is None
    layout.secrets_file.write_text("[secrets]\navatar_salt = a%b\n", encoding="utf-8")
    assert secret(layout, "avatar_salt") == "a%b"
    layout.secrets_file.write_text("avatar_salt = a\n", encoding="utf-8")
    assert secret(layout, "avatar_salt") is None
