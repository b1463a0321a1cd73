# SPDX-License-Identifier: Apache-2.0
"""What a server says of its requests in its metrics, before and after some were sent to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.doors.exposition import total
from mlflow_conformance.doors.many import Outcome, Request
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi
from mlflow_conformance.observability.thresholds import RequestMetrics

METRICS = "/metrics"


@dataclass(frozen=True)
class Told:
    """The metrics of one server at one moment.

    Attributes:
        status: with which they were answered.
        text: in the text format of Prometheus; empty where there are none.
    """

    status: int
    text: str
    names: RequestMetrics

    @classmethod
    def of(cls, api: MlflowApi, names: RequestMetrics) -> "Told":
        """What a server says now.

        Raises:
            NoReply: it does not answer.
        """
        reply = api.request("GET", METRICS)
        return cls(reply.status, reply.text if reply.status == 200 else "", names)

    def requests(self, method: str, status: int) -> dict[str, float]:
        """How many requests there were, by the name of each series that counts them."""
        return {
            name: total(self.text, name, method=method, status=str(status)) or 0
            for name in (self.names.total, f"{self.names.durations}_count")
        }

    def seconds(self, method: str) -> float:
        """How long all requests of a method took, seconds."""
        return total(self.text, f"{self.names.durations}_sum", method=method) or 0


def away(
    before: Told, after: Told, method: str, outcomes: Sequence[Outcome]
) -> dict[str, dict[str, float]]:
    """Requests that are told minus those that were answered, by status and series.

    Args:
        outcomes: what became of every request of that method between the two.
    """
    answered = Counter(outcome.need_reply().status for outcome in outcomes)
    differences: dict[str, dict[str, float]] = {}
    for status, count in sorted(answered.items()):
        then, now = before.requests(method, status), after.requests(method, status)
        differences[str(status)] = {name: now[name] - then[name] - count for name in now}
    return differences


def routes(api: MlflowApi, experiment: str) -> Mapping[str, Request]:
    """One request for each kind of route of MLflow, by a name; they write into an experiment."""
    file = f"{ARTIFACTS}/{experiment}/counted/file.txt"
    return {
        "page": Request.to(api, "GET", "/"),
        "health": Request.to(api, "GET", "/health"),
        "version": Request.to(api, "GET", "/version"),
        "upload": Request.to(api, "PUT", file, body=b"counted"),
        "download": Request.to(api, "GET", file),
        "listing": Request.to(api, "GET", f"{ARTIFACTS}?path={experiment}"),
        "trace export": Request.to(
            api, "POST", "/v1/traces", body=b"", content_type="application/x-protobuf"
        ),
    }
