"""The page of the demo: one channel to read, write and react in, as a person of the cast."""

import json
from pathlib import Path

from aiohttp import web

from bot.demo.zulip.serving import Front

PAGE = Path(__file__).with_name("page.html")
#: The page hands out keys; only a browser that really asked this machine may have them.
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})


def add_page(front: Front) -> web.Application:
    """The whole application: the API and the page."""

    async def show(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text=PAGE.read_text(encoding="utf-8"), content_type="text/html")

    async def people(request: web.Request) -> web.StreamResponse:
        if request.url.host not in LOCAL_NAMES:
            return web.Response(status=403)
        with front.lock:
            body = json.dumps(_cast(front))
        return web.Response(text=body, content_type="application/json")

    app = front.application()
    app.router.add_get("/", show)
    app.router.add_get("/demo/people", people)
    return app


def _cast(front: Front) -> dict[str, object]:
    realm = front.site.realm
    return {
        "realm": realm.settings.name,
        "channels": [channel.name for channel in realm.channels.values()],
        "people": [
            {
                "id": person.id,
                "name": person.full_name,
                "email": person.email,
                "role": person.role.name.lower(),
                "is_bot": person.is_bot,
                "key": None if person.is_bot else person.api_key,
            }
            for person in realm.members()
            if person.is_active
        ],
    }
