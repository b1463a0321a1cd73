# SPDX-License-Identifier: Apache-2.0
"""Things that a version of MLflow was given, with the requests that use them, as plain data.

What was written is kept beside the request that must answer it, so that another process can ask
another version, later, without knowing what kind of thing it is.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import urlencode

from pydantic import Field, JsonValue

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.many import Request
from mlflow_conformance.doors.mlflow import MlflowApi

JSON = "application/json"
Part = Literal["kept", "changed", "removed"]


class ApiCall(Strict):
    """One HTTP request to any MLflow server.

    Attributes:
        path: below the server's address, with its query.
        fields: the body as JSON; or `data`, the body in base64.
        headers: besides those of the door.
    """

    method: str
    path: str
    fields: JsonValue = None
    data: str | None = None
    content_type: str = JSON
    headers: dict[str, str] = Field(default={})

    @classmethod
    def api(cls, method: str, call: str, version: str = "2.0", /, **fields: Any) -> Self:
        """A call of MLflow's REST API; the fields of a GET are its query."""
        path = f"/api/{version}/mlflow/{call}"
        if method == "GET":
            query = urlencode(fields, doseq=True)
            return cls(method=method, path=f"{path}?{query}" if query else path)
        return cls(method=method, path=path, fields=fields)

    @classmethod
    def get(cls, call: str, version: str = "2.0", /, **parameters: Any) -> Self:
        """A GET of MLflow's REST API."""
        return cls.api("GET", call, version, **parameters)

    @classmethod
    def post(cls, call: str, version: str = "2.0", /, **fields: Any) -> Self:
        """A POST to MLflow's REST API."""
        return cls.api("POST", call, version, **fields)

    @classmethod
    def patch(cls, call: str, version: str = "2.0", /, **fields: Any) -> Self:
        """A PATCH of MLflow's REST API."""
        return cls.api("PATCH", call, version, **fields)

    @classmethod
    def delete(cls, call: str, version: str = "2.0", /, **fields: Any) -> Self:
        """A DELETE of MLflow's REST API."""
        return cls.api("DELETE", call, version, **fields)

    @classmethod
    def bytes_of(
        cls, method: str, path: str, body: bytes, content_type: str, **headers: str
    ) -> Self:
        """A request to any path whose body is no JSON; names of headers have `_` for `-`."""
        return cls(
            method=method, path=path, data=base64.b64encode(body).decode(),
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip

    def request(self, api: MlflowApi) -> Request:
        """What is sent to a server."""
        headers = {**api.headers, **self.headers}
        if (body := self._body()) is not None:
            headers["Content-Type"] = self.content_type
        return Request(self.method, api.base_url + self.path, headers, body, api.timeout_s)

    def sent(self, api: MlflowApi) -> Reply:
        """The reply of a server; the request is sent once.

        Raises:
            NoReply: no complete reply came.
        """
        ready = self.request(api)
        return api.sender(
            ready.method, ready.url, headers=ready.headers, body=ready.body,
            timeout_s=ready.timeout_s,
        )  # fmt: skip

    def _body(self) -> bytes | None:
        if self.data is not None:
            return base64.b64decode(self.data)
        return None if self.fields is None else json.dumps(self.fields).encode()

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


class ReadBack(Strict):
    """A request and what its answer must hold.

    Attributes:
        at: the keys that lead to it in the answer, separated by dots; empty for all of it.
        says: what was written. Objects may have more keys, lists more entries; a text is the body.
        status: of the reply, None for any refusal; only of a 200 anything is read.
    """

    call: ApiCall
    at: str = ""
    says: JsonValue = None
    status: int | None = 200


class UseStep(Strict):
    """A request that changes or removes something, and what is read afterwards."""

    call: ApiCall
    then: ReadBack


class GivenThing(Strict):
    """Something that was written, with all that can be done with it.

    Attributes:
        kind: such as ``run``.
        part: what becomes of it: it is only read, or changed, or removed.
        reads: requests that name it; `finds` those that search for it.
    """

    kind: str
    name: str
    part: Part = "kept"
    reads: list[ReadBack]
    finds: list[ReadBack] = Field(default=[])
    changes: list[UseStep] = Field(default=[])
    removes: list[UseStep] = Field(default=[])

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def pairs(values: Mapping[str, str]) -> list[JsonValue]:
    """Values by their keys as MLflow's API lists them."""
    return [{"key": key, "value": value} for key, value in values.items()]
