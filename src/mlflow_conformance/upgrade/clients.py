# SPDX-License-Identifier: Apache-2.0
"""Clients that go on while a deployment is upgraded: every kind of write, traces, and reads.

Runs, models and artifacts are written by `mlflow_conformance.ledger.writers`. Here are single
metrics, traces, and reads that must find what is known to be there: an old server on a new schema
may well answer 200 and find nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import get_args

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.pacing import Pacer
from mlflow_conformance.ledger.writers import Pace, Writers, value_of
from mlflow_conformance.ledger.writing import attempt
from mlflow_conformance.upgrade.things import ApiCall
from mlflow_conformance.upgrade.traces import Kind, Traces

METRIC = "single"
"""The key of the metric that is written one by one, in the run that gets artifacts."""
KEPT = b"written before the upgrade\n" * 64
"""The artifact that is loaded all the while."""
WORDS = {
    "metric": "metrics",
    "add": "batches of metrics",
    "param": "params",
    "tag": "tags",
    "put": "artifacts",
    "version": "model versions",
    "alias": "aliases",
    "search": "searches for runs",
    "load": "downloads of artifacts",
    "span": "traces by OTLP",
    "trace": "traces as MLflow's client begins them",
    "find": "searches for traces",
}
"""Every kind of request, by its name in the ledger, as people call it."""
SENT, SEARCHED = ("span", "trace"), ("find",)
"""Traces, and searches for them."""
RUNS_AND_MODELS = tuple(kind for kind in WORDS if kind not in (*SENT, *SEARCHED))


@dataclass(frozen=True)
class Clients:
    """All of them, going on."""

    writers: Writers
    traces: Traces

    @property
    def pacer(self) -> Pacer:
        """What sends for all of them."""
        return self.writers.pacer


@contextmanager
def going(
    ledger: Ledger, doors: Sequence[MlflowApi], traces: Traces, pace: Pace
) -> Iterator[Clients]:
    """Clients that send for as long as the context lasts.

    Args:
        doors: the ways to MLflow, which the clients take in turn.
        traces: nothing of their label may be there.

    Raises:
        ApiError: MLflow refused what they need.
        NoReply: it did not answer.
        Undecided: it takes no artifacts or traces as it is.
    """
    hasty = [replace(door, timeout_s=pace.timeout_s) for door in doors]
    with Writers(ledger, doors, traces.experiment_id, pace) as writers:
        clients = Clients(writers, traces)
        _prepare(clients, doors[0])
        _write(clients, ledger, hasty)
        _read(clients, hasty)
        yield clients


def _prepare(clients: Clients, api: MlflowApi) -> None:
    """What reads must find: an artifact, and a trace of each kind."""
    stored = api.request("PUT", _path(clients), body=KEPT, content_type="text/plain")
    if stored.status != 200:
        raise Undecided(f"no artifact can be stored: HTTP {stored.status}")
    for kind in get_args(Kind):
        reply = clients.traces.call(kind, 0).sent(api)
        if reply.status != 200:
            raise Undecided(f"no {WORDS[kind]} are taken: HTTP {reply.status} {brief(reply.text)}")


def _write(clients: Clients, ledger: Ledger, doors: Sequence[MlflowApi]) -> None:
    run_id, traces = clients.writers.store.run_id, clients.traces

    def metric(turn: int) -> ApiCall:
        return ApiCall.post(
            "runs/log-metric", run_id=run_id, key=METRIC, value=value_of(turn), timestamp=turn,
            step=turn,
        )  # fmt: skip

    _writer(clients, ledger, "metric", run_id, metric, doors[0])
    # The trace of turn 0 was there before any client began.
    _writer(clients, ledger, "span", traces.label, lambda n: traces.call("span", n + 1), doors[-1])
    _writer(clients, ledger, "trace", traces.label, lambda n: traces.call("trace", n + 1), doors[0])


def _writer(
    clients: Clients,
    ledger: Ledger,
    kind: str,
    key: str,
    call: Callable[[int], ApiCall],
    api: MlflowApi,
) -> None:
    pace = clients.writers.pace

    def send(turn: int) -> Reply | None:
        client = f"writer {pace.taker(turn)} of {kind}"
        return attempt(ledger, client, key, kind, turn, lambda: call(turn).sent(api))

    clients.pacer.add(kind, pace.others_every_s, send, clients=pace.takers)


def _read(clients: Clients, doors: Sequence[MlflowApi]) -> None:
    run_id, traces = clients.writers.store.run_id, clients.traces
    runs = ApiCall.post(
        "runs/search", experiment_ids=[traces.experiment_id],
        filter=f"attributes.run_id = '{run_id}'",
    )  # fmt: skip
    first = traces.trace_id("trace", 0)
    _reader(clients, "search", runs, lambda reply: run_id in reply.text, doors[0])
    load = ApiCall(method="GET", path=_path(clients))
    _reader(clients, "load", load, lambda reply: reply.body == KEPT, doors[-1])
    _reader(
        clients, "find", traces.search("name", most=1), lambda reply: first in reply.text, doors[0]
    )


def _reader(
    clients: Clients, kind: str, call: ApiCall, right: Callable[[Reply], bool], api: MlflowApi
) -> None:
    def send(_turn: int) -> Reply | None:
        try:
            return call.sent(api)
        except (NoReply, InsideFailed):
            return None

    pace = clients.writers.pace
    clients.pacer.add(kind, pace.others_every_s, send, right=right, clients=pace.takers)


def _path(clients: Clients) -> str:
    folder = clients.writers.store.artifact_uri.partition(":/")[2]
    return f"{ARTIFACTS}/{folder}/kept.bin"
