# SPDX-License-Identifier: Apache-2.0
"""OBS-5: what MLflow's pods write, as a collector of logs reads it."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability.logged import LoggedText, faults, misdated, tellers
from mlflow_conformance.observability.thresholds import Logged
from mlflow_conformance.target.base import Target

_SHOWN = 5
"""Lines that a report shows of those that are wrong; how many they are is said beside it."""


@dataclass(frozen=True)
class _Sent:
    """A request, when it was sent, seconds since 1970, and how it was answered."""

    id: str
    at: float
    what: str
    status: int
    answered: str | None


@check(
    "OBS-5",
    impact="A collector of logs splits tracebacks, or cannot tell which lines belong together.",
    remedy="Write every record as one JSON object a line, tracebacks as well (uvicorn's "
    "--log-config), and give each request an ID that its answer and all of its lines have.",
    writes=("runner",),
)
def test_logs_are_structured(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """Every line that the server wrote is one JSON object, and a request's ID leads to its lines.

    Preconditions: a replica is ready; its pods' logs may be read.
    Steps: send requests to each replica that are answered and such that are refused, each with an
    ID of its own; read all that the containers of the server wrote since they began, also before
    their last restart.
    Expected: each line is a JSON object with a time, a level and a message, but for what the
    profile names; each answer has the request's ID, and so have lines of one pod and no other,
    which say when it was sent.
    """
    row = evidence.row(Logged)
    urls = target.replica_urls()
    if not urls:
        evidence.undecided("no replica of MLflow is ready")
    names = target.names.mlflow
    sent = [s for url in urls for s in _requests(target.api(url), row)]
    ids = [s.id for s in sent]
    logs = waiter.last_seen(
        f"logged: {len(sent)} requests",
        lambda: list(_logs(kube, names)),
        done=lambda seen: all(tellers(seen, row.keys.id, ids).values()),
        timeout="log written",
        interval_s=1,
    )
    found = faults(logs, row.keys, row.plain)
    evidence.note("lines", found.read, door="kubernetes")
    if found.known:
        evidence.limit(
            f"The server prints {len(found.known)} lines as they are, such as: {found.known[0]}"
        )
    evidence.note("logs, with those before a restart", len(logs), door="kubernetes")
    for wrong in (found.no_object, found.incomplete):
        if wrong:
            evidence.note("the first of them", list(wrong[:_SHOWN]), door="kubernetes")
    evidence.expect(
        "lines.object", "lines that are no JSON object", len(found.no_object), "==", 0,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "lines.complete", "JSON objects without time, level or message", len(found.incomplete),
        "==", 0, door="kubernetes",
    )  # fmt: skip
    evidence.note("requests", sorted({f"{s.what}: {s.status}" for s in sent}), door="inside")
    evidence.expect(
        "ids.answered", f"answers of {len(sent)} without the ID of their request",
        [s.what for s in sent if s.answered != s.id], "==", [], door="inside",
    )  # fmt: skip
    told = tellers(logs, row.keys.id, ids)
    evidence.expect(
        "ids.logged", f"requests of {len(sent)} whose ID is not in the log of one pod",
        [f"{s.what}: in {sorted(told[s.id])}" for s in sent if len(told[s.id]) != 1], "==", [],
        door="kubernetes",
    )  # fmt: skip
    misdated_lines = misdated(logs, row.keys, {s.id: s.at for s in sent}, row.clocks_s)
    evidence.expect(
        "times", "lines about them that say another time", misdated_lines[:_SHOWN], "==", [],
        door="kubernetes",
    )  # fmt: skip
    if found.read < row.lines:
        evidence.undecided(f"only {found.read} lines were written, {row.lines} are asked for")


def _requests(api: MlflowApi, row: Logged) -> Iterator[_Sent]:
    """Send requests of several kinds to one replica, each with an ID of its own."""
    for _ in range(row.each):
        for what, method, path, body in (
            ("a search", "POST", "runs/search", {"experiment_ids": [], "max_results": 1}),
            ("a run that is not there", "GET", f"runs/get?run_id={'0' * 32}", None),
            ("a search without sense", "POST", "runs/search", {"max_results": "many"}),
            # MLflow 3.17 answers 500, and logs a traceback (TRK-6 has it among its limits).
            ("a search that is no object", "POST", "runs/search", "x"),
        ):
            number = uuid.uuid4().hex
            own = replace(api, headers={**api.headers, row.header: number})
            at = time.time()
            reply = own.request(
                method, f"/api/2.0/mlflow/{path}",
                body=None if body is None else json.dumps(body).encode(),
                content_type="application/json",
            )  # fmt: skip
            headers = {name.lower(): value for name, value in reply.headers.items()}
            yield _Sent(number, at, what, reply.status, headers.get(row.header.lower()))


def _logs(kube: Kube, names: MlflowNames) -> Iterator[LoggedText]:
    """What the server's container wrote in each pod, before its last restart as well."""
    for pod in kube.ready_pods(names.selector, container=names.container):
        yield LoggedText(pod.name, kube.log(pod.name, names.container))
        if pod.restarts:
            try:
                said = kube.log(pod.name, names.container, previous=True)
            except KubeFailed:
                continue  # the kubelet keeps one, and not for ever
            yield LoggedText(pod.name, said)
