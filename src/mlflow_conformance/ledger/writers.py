# SPDX-License-Identifier: Apache-2.0
"""Writers that go on whatever happens to the server.

Metrics go into runs of their own, several in one request; artifacts, params, tags, versions of a
model and aliases go one by one. Nothing is sent twice. A value tells what it must be, so that
reading back shows a wrong one as well as a lost one.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, NewRun, answer, new_run
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.pacing import Pacer
from mlflow_conformance.ledger.writing import attempt, attempt_all

METRIC = "loss"
TURN = "turn-"
RECORDS = ("add", "param", "tag", "version", "alias")
"""Operations of the ledger that end in the database; a metric is added."""
KINDS = (*RECORDS, "put")
"""All of them: artifacts are put."""


@dataclass(frozen=True)
class Pace:
    """How fast is written; `timeout_s` is for one request.

    Attributes:
        writers: of metrics, each with a run of its own.
        batch: metrics in one request.
        every_s: from the start of a writer's request to that of its next one, at the least.
        artifacts_every_s: from one artifact to the next.
        others_every_s: from one write to the next of every other kind.
        takers: of turns: clients that write artifacts, and each of the other kinds, one after the
            other. With one alone, a single late request would be a span without a write.
    """

    writers: int = 2
    batch: int = 50
    every_s: float = 1.0
    artifacts_every_s: float = 0.5
    others_every_s: float = 1.0
    takers: int = 2
    timeout_s: float = 10.0

    def taker(self, turn: int) -> int:
        """The number, from 1 on, of the client whose turn it is."""
        return turn % self.takers + 1


def value_of(step: int) -> float:
    """What the metric of a step is: exact in every representation on the way."""
    return step / 8


def content_of(number: int) -> bytes:
    """What an artifact holds."""
    return f"artifact {number}\n".encode() * 8


def digest_of(number: int) -> str:
    """The sha256 of `content_of`."""
    return hashlib.sha256(content_of(number)).hexdigest()


def name_of(turn: int) -> str:
    """The key of a param or tag, and the name of an alias."""
    return f"{TURN}{turn}"


class Writers(Closing):
    """Writes from its making until it is closed.

    Writers of metrics take the doors in turn, and so do those of the other kinds, so that both the
    ingress and the Service are on the way of some of them.

    Attributes:
        pacer: sends; a caller may add clients of its own.
        runs: which get metrics.
        store: the run that gets artifacts, params and tags.
        model: the registered model that gets versions and aliases; to be removed by `remove_model`.
    """

    def __init__(
        self, ledger: Ledger, doors: Sequence[MlflowApi], experiment_id: str, pace: Pace
    ) -> None:
        """Make the runs and begin.

        Raises:
            ApiError: a run could not be made.
            NoReply: the server did not answer.
        """
        self.pace = pace
        self._ledger = ledger
        hasty = [replace(door, timeout_s=pace.timeout_s) for door in doors]
        self.runs = [new_run(hasty[0], experiment_id) for _ in range(pace.writers)]
        self.store = new_run(hasty[0], experiment_id)
        self.model = f"writers-{self.store.run_id}"
        others = {"param": self._param, "tag": self._tag, "version": self._version,
                  "alias": self._alias}  # fmt: skip
        answer(
            "registered-models/create", hasty[0].post("registered-models/create", name=self.model)
        )
        answer("model-versions/create", self._new_version(hasty[0], ""))
        self.pacer = Pacer()
        for number, run in enumerate(self.runs, 1):
            self._metrics(number, hasty[(number - 1) % len(hasty)], run)
        self._artifacts(hasty[0])
        for number, (kind, send) in enumerate(others.items()):
            self._others(kind, send, hasty[number % len(hasty)])

    def close(self) -> None:
        """Stop, and wait until every request has ended or timed out."""
        self.pacer.close()

    def _metrics(self, number: int, api: MlflowApi, run: NewRun) -> None:
        batch = self.pace.batch
        client = f"writer {number}"

        def send(turn: int) -> Reply | None:
            steps = range(turn * batch, (turn + 1) * batch)
            metrics = [
                {"key": METRIC, "value": value_of(s), "timestamp": s, "step": s} for s in steps
            ]
            return attempt_all(
                self._ledger, client, run.run_id, "add", list(steps),
                lambda: api.post("runs/log-batch", run_id=run.run_id, metrics=metrics),
            )  # fmt: skip

        self.pacer.add("add", self.pace.every_s, send, batch)

    def _artifacts(self, api: MlflowApi) -> None:
        folder = self.store.artifact_uri.partition(":/")[2]

        def send(turn: int) -> Reply | None:
            path = f"{ARTIFACTS}/{folder}/{turn}.txt"
            body = content_of(turn)
            return attempt(
                self._ledger, f"uploader {self.pace.taker(turn)}", self.store.run_id, "put", turn,
                lambda: api.request("PUT", path, body=body, content_type="text/plain"),
            )  # fmt: skip

        self.pacer.add("put", self.pace.artifacts_every_s, send, clients=self.pace.takers)

    def _others(self, kind: str, ask: Callable[[MlflowApi, int], Reply], api: MlflowApi) -> None:
        key = self.store.run_id if kind in ("param", "tag") else self.model

        def send(turn: int) -> Reply | None:
            client = f"writer {self.pace.taker(turn)} of {kind}"
            return attempt(self._ledger, client, key, kind, turn, lambda: ask(api, turn))

        self.pacer.add(kind, self.pace.others_every_s, send, clients=self.pace.takers)

    def _param(self, api: MlflowApi, turn: int) -> Reply:
        return api.post(
            "runs/log-parameter", run_id=self.store.run_id, key=name_of(turn), value=str(turn)
        )

    def _tag(self, api: MlflowApi, turn: int) -> Reply:
        return api.post(
            "runs/set-tag", run_id=self.store.run_id, key=name_of(turn), value=str(turn)
        )

    def _version(self, api: MlflowApi, turn: int) -> Reply:
        return self._new_version(api, str(turn))

    def _alias(self, api: MlflowApi, turn: int) -> Reply:
        return api.post(
            "registered-models/alias", name=self.model, alias=name_of(turn), version="1"
        )

    def _new_version(self, api: MlflowApi, description: str) -> Reply:
        return api.post(
            "model-versions/create", name=self.model, source=f"{self.store.artifact_uri}/model",
            run_id=self.store.run_id, description=description,
        )  # fmt: skip


def remove_model(api: MlflowApi, model: str) -> str:
    """Remove what `Writers` registered; returns why it could not be, or an empty string."""
    try:
        reply = api.delete("registered-models/delete", name=model)
    except NoReply as problem:
        return f"{model} could not be removed: {problem}"
    return "" if reply.status == 200 else f"{model} could not be removed: HTTP {reply.status}"
