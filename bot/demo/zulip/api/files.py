"""Endpoints for uploaded files."""

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.wire import Wire


def post_upload(asked: Asked) -> Wire:
    path = asked.site.uploads.store(asked.files)
    return {"uri": path, "url": path}


def get_temporary_url(asked: Asked) -> Wire:
    path = "/user_uploads/" + asked.path["file"]
    if path not in asked.site.uploads.files:
        raise ApiError("Invalid filename")
    now = asked.realm.clock.timestamp()
    return {"url": asked.site.uploads.temporary_address(path, now)}
