# SPDX-License-Identifier: Apache-2.0
"""An ID for every request: in each line that is logged for it, and in the header of its answer."""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

from uvicorn import Config

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_HEADER = b"x-request-id"
# What a caller sends is logged as it is, so it must be short and unable to look like anything else.
_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Set in the task of the request; threads and tasks that MLflow starts for it have a copy.
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestIds:
    """Gives each HTTP request of an ASGI application its caller's ID, or one of its own."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        request_id = given if _HARMLESS.fullmatch(given) else uuid.uuid4().hex.encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (_HEADER, request_id)]
                message = {**message, "headers": headers}
            await send(message)

        token = _current.set(request_id.decode())
        try:
            await self._application(scope, receive, send_with_id)
        finally:
            _current.reset(token)


class RequestId(logging.Filter):
    """Puts the ID of the request that is being served on each record as `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record is logged."""
        record.request_id = _current.get()
        return True


class _Installed:
    """uvicorn's own way to load an application, and whether it was replaced."""

    load = Config.load
    done = False


def install() -> RequestId:
    """Have uvicorn serve its application through `RequestIds`; the filter that tells the ID.

    uvicorn has no option for that. Every worker reads the log configuration, which names this
    function, before it loads its application.
    """
    if not _Installed.done:
        Config.load = _load_with_ids  # type: ignore[method-assign]
        _Installed.done = True
    return RequestId()


def _load_with_ids(config: Config) -> None:
    _Installed.load(config)
    config.loaded_app = RequestIds(config.loaded_app)
