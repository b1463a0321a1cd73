# SPDX-License-Identifier: Apache-2.0
"""Whose request it is, and an ID for it: in the lines that are logged for it.

The ID is in the header of its answer as well. The user is who a request with a login says that it
is of: MLflow has looked at that when it carried the request out, and not always when it refused.
"""

import base64
import binascii
import logging
import os
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
_user: ContextVar[str | None] = ContextVar("user", default=None)
# Set by the chart where MLflow asks for a login; elsewhere anybody may say to be anybody.
_LOGIN = "MLFLOW_AUTH_CONFIG_PATH"
# What MLflow answers without looking at a login.
_PUBLIC = re.compile(r"/(health|static|favicon\.ico)|/(ajax-)?api/[0-9.]+/mlflow/server-info$")


def user_of(path: str, headers: list[tuple[bytes, bytes]]) -> str | None:
    """Who a request with a login says that it is of; None where nobody checks that."""
    if _LOGIN not in os.environ or _PUBLIC.match(path):
        return None
    given = next((value for name, value in headers if name == b"authorization"), b"")
    kind, _, value = given.partition(b" ")
    if kind.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value).decode().partition(":")[0] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


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
        user = _user.set(user_of(scope["path"], scope["headers"]))
        try:
            await self._application(scope, receive, send_with_id)
        finally:
            _user.reset(user)
            _current.reset(token)


class RequestId(logging.Filter):
    """Puts on each record the `request_id` of the request that is being served, and its `user`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record is logged."""
        record.request_id = _current.get()
        record.user = _user.get()
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
