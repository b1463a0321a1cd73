# SPDX-License-Identifier: Apache-2.0
"""Makes things on a server, and tells what it does not have from what it refuses."""

from dataclasses import dataclass
from typing import Any

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of
from mlflow_conformance.upgrade.things import ApiCall

_NO_ROUTE = (404, 405, 501)
_NO_CODE = ("", "ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED")


class Absent(Exception):  # noqa: N818 - an observation rather than a defect
    """This version of MLflow, or this server of it, has no such API."""


def has_no_route(reply: Reply) -> bool:
    """Whether a reply is that of a server that does not know the very path."""
    return reply.status in _NO_ROUTE and error_of(reply)[0] in _NO_CODE


@dataclass(frozen=True)
class Maker:
    """One server to make things on.

    Attributes:
        label: what the names of all things begin with.
        experiment: a number of an experiment for things that need one.
        run: a run in it.
        artifacts: where the artifacts of this run belong, such as ``mlflow-artifacts:/1/r/a``.
    """

    api: MlflowApi
    label: str
    experiment: str = ""
    run: str = ""
    artifacts: str = ""

    def done(self, call: ApiCall) -> dict[str, Any]:
        """The answer of a call that makes something.

        Raises:
            Absent: the server has no such API.
            ApiError: it refused.
            NoReply: no complete reply came.
        """
        reply = call.sent(self.api)
        if has_no_route(reply):
            raise Absent(f"{call}: HTTP {reply.status}")
        if reply.status == 200 and not reply.body.strip():
            return {}
        return answer(str(call), reply)

    def post(self, call: str, version: str = "2.0", /, **fields: Any) -> dict[str, Any]:
        """The answer of a POST; see `done`."""
        return self.done(ApiCall.post(call, version, **fields))
