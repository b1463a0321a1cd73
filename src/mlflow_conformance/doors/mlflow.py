# SPDX-License-Identifier: Apache-2.0
"""MLflow's REST API by raw HTTP, without retries, through any door."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.http import Reply, Sender

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
"""Where the server proxies the artifact store; a key of the store follows after a slash."""
RUN_PAGE = re.compile(r"/experiments/(?P<experiment>\d+)/runs/(?P<run>[0-9a-f]{32})")
"""The page of a run, as MLflow's client prints it at the run's end."""
_HOST_REFUSED = "Invalid Host header"  # what MLflow says to a name that is not among its own


class ApiError(Exception):
    """MLflow answered with something else than 200.

    Attributes:
        code: MLflow's error code, such as ``RESOURCE_ALREADY_EXISTS``; empty when it gave none.
        message: all that it said.
    """

    def __init__(self, call: str, reply: Reply) -> None:
        self.status = reply.status
        self.code, self.message = error_of(reply)
        super().__init__(brief(f"{call}: HTTP {reply.status} {self.code} {self.message}"))


def error_of(reply: Reply) -> tuple[str, str]:
    """MLflow's error code and message of a reply; the first 200 characters when it has none."""
    try:
        body = reply.json()
    except ValueError:
        return "", reply.text[:200]
    if isinstance(body, dict) and "error_code" in body:
        return str(body["error_code"]), str(body.get("message", ""))
    return "", reply.text[:200]


def need_known_host(reply: Reply, url: str, headers: Mapping[str, str]) -> None:
    """Nothing, unless MLflow refused the very name by which this suite calls it.

    Whatever was asked, such a reply says nothing of it: the way there is at fault. A request that
    chose its `Host` header itself wants to know what becomes of that name, and is left alone.

    Raises:
        Undecided: it did.
    """
    if reply.status == 403 and reply.text.startswith(_HOST_REFUSED) and "Host" not in headers:
        raise Undecided(
            f"MLflow refuses the name of {url} (403 {_HOST_REFUSED}): let --allowed-hosts have it"
        )


@dataclass(frozen=True)
class MlflowApi:
    """One MLflow server, as seen through one door.

    Attributes:
        base_url: scheme, host and port, without a trailing slash.
    """

    base_url: str
    sender: Sender
    headers: Mapping[str, str]
    timeout_s: float = 30

    def request(
        self, method: str, path: str, *, body: bytes | None = None, content_type: str | None = None
    ) -> Reply:
        """One request to any path of the server.

        Raises:
            NoReply: no complete reply came.
            Undecided: MLflow does not know the name that this door calls it by.
        """
        headers = dict(self.headers)
        if content_type:
            headers["Content-Type"] = content_type
        reply = self.sender(
            method, self.base_url + path, headers=headers, body=body, timeout_s=self.timeout_s
        )
        need_known_host(reply, self.base_url, headers)
        return reply

    def send(self, method: str, path: str, fields: Mapping[str, Any]) -> Reply:
        """As `request`, with a JSON object as its body."""
        return self.request(
            method, path, body=json.dumps(fields).encode(), content_type="application/json"
        )

    def post(self, call: str, **fields: Any) -> Reply:
        """POST to an API call such as ``runs/create``."""
        return self.send("POST", f"/api/2.0/mlflow/{call}", fields)

    def patch(self, call: str, **fields: Any) -> Reply:
        """PATCH an API call such as ``registered-models/update``."""
        return self.send("PATCH", f"/api/2.0/mlflow/{call}", fields)

    def get(self, call: str, **parameters: str | int) -> Reply:
        """GET an API call such as ``runs/get``."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self.request("GET", f"/api/2.0/mlflow/{call}{query}")

    def delete(self, call: str, **fields: Any) -> Reply:
        """DELETE an API call such as ``registered-models/alias``."""
        return self.send("DELETE", f"/api/2.0/mlflow/{call}", fields)


def answer(call: str, reply: Reply) -> dict[str, Any]:
    """The JSON object of a 200.

    Raises:
        ApiError: any other status, or a 200 that holds no JSON object.
    """
    if reply.status != 200:
        raise ApiError(call, reply)
    try:
        value = reply.json()
    except ValueError as problem:
        raise ApiError(call, reply) from problem
    if not isinstance(value, dict):
        raise ApiError(call, reply)
    return value


def served_path(uri: str) -> str | None:
    """The path below `ARTIFACTS` that an artifact URI means; None where MLflow does not serve it.

    ``mlflow-artifacts:/1/run/artifacts`` is at whichever server a client asks, with a host
    (``mlflow-artifacts://host/1/run/artifacts``) at that one; of any other scheme, such as
    ``s3://bucket/1/run/artifacts``, clients use the store themselves.
    """
    scheme, _, rest = uri.partition(":")
    if scheme != "mlflow-artifacts":
        return None
    return rest[2:].partition("/")[2] if rest.startswith("//") else rest.lstrip("/")


def store(api: MlflowApi, key: str, content: bytes) -> None:
    """Store an artifact under its key, for a check of something else.

    Raises:
        ApiError: MLflow refused it.
        NoReply: no complete reply came.
    """
    reply = api.request("PUT", f"{ARTIFACTS}/{key}", body=content)
    if reply.status != 200:
        raise ApiError("PUT of an artifact", reply)


@dataclass(frozen=True)
class NewRun:
    """A run that was just made.

    Attributes:
        artifact_uri: where MLflow says that its artifacts belong.
    """

    run_id: str
    artifact_uri: str


def new_run(api: MlflowApi, experiment: str, name: str = "", **tags: str) -> NewRun:
    """Make a run; without a name MLflow gives it one.

    Raises:
        ApiError: MLflow refused it.
        NoReply: no complete reply came.
    """
    made = api.post(
        "runs/create", experiment_id=experiment, run_name=name,
        tags=[{"key": k, "value": v} for k, v in tags.items()],
    )  # fmt: skip
    info = answer("runs/create", made)["run"]["info"]
    return NewRun(info["run_id"], info["artifact_uri"])
