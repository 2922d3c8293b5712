"""The thread with its own event loop in which the simulated server answers."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

Result = TypeVar("Result")
HOST = "127.0.0.1"
#: How long starting and stopping may take.
PATIENCE_SECONDS = 10.0


class SiteThread:
    """Serves one application on one port; can stop listening and come back on the same port."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="simulated-zulip", daemon=True)
        self._runner: web.AppRunner | None = None
        self._listener: web.TCPSite | None = None
        self.port = 0

    def start(self) -> None:
        """Returns when connections are taken."""
        self._thread.start()
        self.call(self._start())

    def stop(self) -> None:
        """Cuts what is still connected and ends the thread."""
        self.call(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self.loop.close()

    def refuse(self) -> None:
        """Stop listening and cut every connection; clients then find nobody there."""
        self.call(self._refuse())

    def listen(self) -> None:
        self.call(self._listen())

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _start(self) -> None:
        self._runner = web.AppRunner(
            self._app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        assert self._runner is not None
        if self._listener is not None:
            return
        self._listener = web.TCPSite(self._runner, HOST, self.port, reuse_address=True)
        await self._listener.start()
        if not self.port:
            self.port = self._runner.addresses[0][1]

    async def _refuse(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()
        self._cut()

    async def _stop(self) -> None:
        assert self._runner is not None
        self._cut()
        await self._runner.cleanup()

    def _cut(self) -> None:
        assert self._runner is not None
        server = self._runner.server
        for connection in list(server.connections if server is not None else ()):
            if connection.transport is not None:
                connection.transport.abort()
