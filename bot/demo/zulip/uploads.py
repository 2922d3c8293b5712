"""Uploaded files, kept in memory, and the addresses under which they are read again."""

import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from bot.demo.zulip.model.errors import ApiError

MAX_FILE_BYTES = 25 * 1024 * 1024
#: Seconds for which an address without a key works.
TEMPORARY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as somebody sent it."""

    name: str
    data: bytes
    content_type: str


class Uploads:
    """Path -> file; paths are made as Zulip makes them."""

    def __init__(self) -> None:
        self.files: dict[str, Upload] = {}
        #: An organization may allow less.
        self.limit = MAX_FILE_BYTES
        self._temporary: dict[str, tuple[str, float]] = {}

    def store(self, uploads: list[Upload]) -> str:
        """The address of the one file sent; raises ApiError for none, two, or too much."""
        if not uploads:
            raise ApiError("You must specify a file to upload")
        if len(uploads) > 1:
            raise ApiError("You may only upload one file at a time")
        upload = uploads[0]
        if len(upload.data) > self.limit:
            raise ApiError("Uploaded file is larger than the allowed limit of 25 MiB")
        name = clean_name(upload.name)
        path = f"/user_uploads/2/{secrets.token_hex(1)}/{secrets.token_urlsafe(18)}/{name}"
        self.files[path] = upload
        return path

    def temporary_address(self, path: str, now: float) -> str:
        token = secrets.token_hex(40).upper()
        self._temporary[token] = (path, now + TEMPORARY_SECONDS)
        return f"/user_uploads/temporary/{token}/{quote(path.rsplit('/', 1)[-1])}"

    def by_token(self, token: str, now: float) -> Upload | None:
        path, until = self._temporary.get(token, ("", 0.0))
        return self.files.get(path) if now <= until else None


def clean_name(name: str) -> str:
    """Blanks become dashes, signs vanish, letters of any language stay (seen on 9.2)."""
    words = re.sub(r"[^\w\s.-]", "", name).strip()
    return re.sub(r"[-\s]+", "-", words) or "uploaded-file"
