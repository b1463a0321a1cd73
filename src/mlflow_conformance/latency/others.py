# SPDX-License-Identifier: Apache-2.0
"""Operations that the workload of a load does not hold: what people and jobs do now and then.

A load has room for the ten that are asked most, or too few samples of each. These are sent a few
times each, one after the other: no percentile, and enough to see that one of them takes seconds.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, NewRun

Call = Callable[[int], Reply]
"""Sends one request; the number tells it from others of its kind."""


@dataclass(frozen=True)
class TimedCalls:
    """What became of one kind of operation.

    Attributes:
        failed: statuses of those that were not answered with 200, or why there was no reply.
        seconds: how long each took, also those that failed.
    """

    failed: Sequence[str]
    seconds: Sequence[float]

    @property
    def median_s(self) -> float:
        """Half of them took no longer."""
        return round(statistics.median(self.seconds), 3)


def calls(
    api: MlflowApi, experiment: str, runs: Sequence[NewRun], models: Sequence[str], content: bytes
) -> Mapping[str, Call]:
    """Every kind by its name, in an order in which each finds what it needs.

    Args:
        runs: of the experiment, as many as there are requests of each kind.
        models: names that no model has, as many as runs.
        content: of an artifact.
    """

    def key(n: int) -> str:
        return f"{ARTIFACTS}/{experiment}/{runs[n].run_id}/artifacts/others.bin"

    return {
        "log-param": lambda n: api.post(
            "runs/log-parameter", run_id=runs[n].run_id, key="p", value="1"
        ),
        "search-runs-by-param": lambda _: api.post(
            "runs/search", experiment_ids=[experiment], filter="params.p = '1'", max_results=50
        ),
        "search-experiments": lambda _: api.get("experiments/search", max_results=50),
        "upload": lambda n: api.request("PUT", key(n), body=content),
        "download": lambda n: api.request("GET", key(n)),
        "list-artifacts": lambda n: api.get("artifacts/list", run_id=runs[n].run_id),
        "create-model": lambda n: api.post("registered-models/create", name=models[n]),
        "create-version": lambda n: api.post(
            "model-versions/create", name=models[n], source=f"{runs[n].artifact_uri}/model",
            run_id=runs[n].run_id,
        ),
        "set-alias": lambda n: api.post(
            "registered-models/alias", name=models[n], alias="others", version="1"
        ),
        "search-models": lambda _: api.get("registered-models/search", max_results=50),
        "search-versions": lambda _: api.get("model-versions/search", max_results=50),
        "delete-run": lambda n: api.post("runs/delete", run_id=runs[n].run_id),
        "restore-run": lambda n: api.post("runs/restore", run_id=runs[n].run_id),
    }  # fmt: skip


def asked(kinds: Mapping[str, Call], each: int) -> Iterator[tuple[str, TimedCalls]]:
    """Send so many requests of each kind, one after the other."""
    for name, call in kinds.items():
        failed: list[str] = []
        seconds: list[float] = []
        for number in range(each):
            try:
                reply = call(number)
            except NoReply as lost:
                failed.append(lost.failure)
                seconds.append(lost.elapsed_s)
                continue
            seconds.append(reply.elapsed_s)
            if reply.status != 200:
                failed.append(str(reply.status))
        yield name, TimedCalls(failed, seconds)
