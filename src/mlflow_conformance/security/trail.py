# SPDX-License-Identifier: Apache-2.0
"""The trail that changes leave in the log of MLflow's pods: one line of JSON a request."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_conformance.cluster import log_lines
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, answer
from mlflow_conformance.security.thresholds import TrailFields

SOMEBODY_ELSE = "192.0.2.77"
"""An address for documentation (RFC 5737): nobody's. A request may say that it comes from it."""


@dataclass(frozen=True)
class SentChange:
    """A request that was sent, and what its line must say.

    Attributes:
        id: that it was given.
        what: for people.
    """

    id: str
    what: str
    method: str
    path: str
    status: int


@dataclass
class ChangeSender:
    """Sends requests through one door, each with an ID of its own.

    Attributes:
        header: that carries the ID.
        more: further headers of every request.
        sent: what was sent so far.
    """

    api: MlflowApi
    header: str
    more: Mapping[str, str] = field(default_factory=dict)
    sent: list[SentChange] = field(default_factory=list)

    def request(self, what: str, method: str, path: str, body: Any = None) -> Reply:
        """Send one request; a body that is no bytes is sent as JSON.

        Raises:
            NoReply: no complete reply came.
        """
        number = uuid.uuid4().hex
        headers = {**self.api.headers, **self.more, self.header: number}
        api = replace(self.api, headers=headers)
        if body is None or isinstance(body, bytes):
            reply = api.request(method, path, body=body)
        else:
            reply = api.send(method, path, body)
        self.sent.append(SentChange(number, what, method, path, reply.status))
        return reply

    def call(self, method: str, call: str, **fields: Any) -> dict[str, Any]:
        """Send a call of the API.

        Raises:
            ApiError: MLflow refused it.
            NoReply: no complete reply came.
        """
        return answer(call, self.request(call, method, f"/api/2.0/mlflow/{call}", fields))


def change_everything(sending: ChangeSender, experiment: str, model: str) -> None:
    """One change of every kind that people make: runs, their values, artifacts, models.

    Args:
        model: a name that no model has; the model is deleted in the end.

    Raises:
        ApiError: MLflow refused one.
        NoReply: no complete reply came.
    """
    send = sending.call
    run = send("POST", "runs/create", experiment_id=experiment)["run"]["info"]
    number = {"run_id": run["run_id"]}
    send("POST", "runs/log-parameter", **number, key="lr", value="0.1")
    send("POST", "runs/log-metric", **number, key="loss", value=0.5, timestamp=1, step=1)
    send("POST", "runs/log-batch", **number, metrics=[], params=[], tags=[])
    send("POST", "runs/set-tag", **number, key="seen", value="yes")
    send("POST", "runs/update", **number, status="FINISHED")
    path = f"{ARTIFACTS}/{experiment}/{run['run_id']}/artifacts/note.txt"
    sending.request("upload", "PUT", path, b"somebody's")
    send("POST", "registered-models/create", name=model)
    version = send(
        "POST", "model-versions/create", name=model, source=run["artifact_uri"], **number
    )["model_version"]["version"]
    send("POST", "registered-models/alias", name=model, alias="best", version=version)
    send("POST", "model-versions/set-tag", name=model, version=version, key="seen", value="yes")
    send("DELETE", "model-versions/delete", name=model, version=version)
    send("DELETE", "registered-models/delete", name=model)
    sending.request("deletion of an artifact", "DELETE", path)
    send("POST", "runs/delete", **number)
    send("POST", "experiments/set-experiment-tag", experiment_id=experiment, key="k", value="v")


def lines(logs: Iterable[str], ids: Iterable[str], key: str) -> dict[str, list[dict[str, Any]]]:
    """The lines of JSON about each of some requests; a line about none of them is left out.

    Args:
        key: where a line has the request's ID.
    """
    found: dict[str, list[dict[str, Any]]] = {number: [] for number in ids}
    for text in logs:
        for line in log_lines.lines(text):
            # Whether all lines are JSON is another promise.
            told = log_lines.json_object(line) or {}
            number = told.get(key)
            if isinstance(number, str) and number in found:
                found[number].append(told)
    return found


def line_of(
    sent: SentChange, found: Mapping[str, list[dict[str, Any]]], keys: TrailFields
) -> dict[str, Any] | None:
    """The one line that tells method, path and status of a request; None without or with several.

    A path may begin with more than was sent: what a static prefix or an ingress adds.
    """
    told = [
        line
        for line in found[sent.id]
        if str(line.get(keys.path, "")).endswith(sent.path)
        and (line.get(keys.method), line.get(keys.status)) == (sent.method, sent.status)
    ]
    return told[0] if len(told) == 1 else None


def is_of(caller: object, address: str) -> bool:
    """Whether a line's caller is this address; the caller's port may stand behind it."""
    text = str(caller)
    return text == address or text.startswith((f"{address}:", f"[{address}]"))
