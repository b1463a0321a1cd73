# SPDX-License-Identifier: Apache-2.0
"""Versions of registered models, as KServe serves them (serving.kserve.io/v1beta1)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, cast

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer, served_path
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.stand.guide_program import exit_code
from mlflow_conformance.stand.serving import KIND, InstalledKServe
from mlflow_conformance.stand.temporary import parts_of

READY, FAILED = "ready", "failed"
_PATH = "/v2/models/model/infer"
_MODEL, _ROUTE, _REGISTER = "model.yaml", "route.yaml", "register.yaml"
_CONTAINER, _LABEL = "kserve-container", "serving.kserve.io/inferenceservice"
_REGISTERING = "register"
_OF_ALL = 1000
_FILES = """
import hashlib, json, pathlib
top = pathlib.Path("/mnt/models")
print(json.dumps({
    str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in top.rglob("*") if path.is_file()
}))
"""


@dataclass(frozen=True)
class Version:
    """A version of a model, as whoever registered it tells.

    Attributes:
        predicted: what it predicted before it was registered, for the questions 0, 1, 2 ...
        source: where its files are, a URI of MLflow's.
    """

    version: str
    predicted: tuple[float, ...]
    source: str


@dataclass(frozen=True)
class Served:
    """An InferenceService, as it is now.

    Attributes:
        ready: of its condition Ready: ``True``, ``False`` or ``Unknown``.
        model: the state of the model that is wanted, such as ``Loaded`` or ``FailedToLoad``.
        message: why it failed, where KServe says so.
    """

    ready: str
    model: str
    message: str

    @classmethod
    def of(cls, thing: Mapping[str, Any]) -> Self:
        """Read an object as the API server has it."""
        status = thing.get("status") or {}
        conditions = {c["type"]: c["status"] for c in status.get("conditions") or []}
        told = status.get("modelStatus") or {}
        return cls(
            ready=conditions.get("Ready", "Unknown"),
            model=(told.get("states") or {}).get("targetModelState", ""),
            message=brief((told.get("lastFailureInfo") or {}).get("message", "")),
        )

    @property
    def outcome(self) -> str:
        """`READY`, `FAILED`, or its state, while it is neither."""
        if self.ready == "True":
            return READY
        return FAILED if self.model == "FailedToLoad" else self.model or "not begun"


@dataclass(frozen=True)
class ServedModels:
    """Models as KServe serves them in a namespace.

    Attributes:
        kube: the cluster, in that namespace.
    """

    kube: Kube
    installed: InstalledKServe
    waiter: Waiter

    def registered(
        self, experiment: str, name: str, lessons: Sequence[Sequence[float]]
    ) -> list[Version]:
        """Register a version of a model for each lesson: the answers that it gives.

        Raises:
            Undecided: the pod that does it did not start, or did not come to its end.
            KubeFailed, TimedOut: the cluster refused it.
        """
        words = {
            **self.installed.words,
            "registering": _REGISTERING,
            "experiment": experiment,
            "registered": name,
            "lessons": json.dumps([list(lesson) for lesson in lessons]),
        }
        self.kube.apply(parts_of(self.installed.folder / _REGISTER, words))
        pod = self.waiter.last_seen(
            f"ended: the pod that registers {name}",
            lambda: self.kube.get("pod", _REGISTERING),
            done=lambda seen: (seen.get("status") or {}).get("phase") in ENDED,
            timeout="program ended",
            interval_s=1,
        )
        code, printed = exit_code(pod), self.kube.log(_REGISTERING)
        removed(self.kube, "pod", _REGISTERING, self.waiter, grace_s=0)
        if code != 0:
            raise Undecided(f"no model was registered, exit code {code}: {brief(printed)}")
        told: list[dict[str, Any]] = json.loads(printed.splitlines()[-1])
        return [Version(str(v["version"]), tuple(v["predicted"]), v["source"]) for v in told]

    @contextmanager
    def serving(self, name: str, source: str) -> Iterator[None]:
        """Serve the files of a folder of the bucket, for as long as the context lasts.

        Args:
            source: the folder's URI, ``s3://bucket/key``.

        Raises:
            KubeFailed: it was refused.
            TimedOut: it did not go in time.
        """
        words = {**self.installed.words, "model": name, "source": source}
        self.kube.apply(parts_of(self.installed.folder / _MODEL, words))
        try:
            yield
        finally:
            removed(self.kube, KIND, name, self.waiter)

    def settled(self, name: str) -> Served:
        """One that is ready or failed, or as it is when the time for that is over.

        Raises:
            KubeFailed: it cannot be read.
        """
        return self.waiter.last_seen(
            f"ready or failed: the model {name}",
            lambda: Served.of(self.kube.get(KIND, name)),
            done=lambda seen: seen.outcome in (READY, FAILED),
            timeout="model served",
            interval_s=1,
        )

    def leave(self, name: str) -> None:
        """Ask for the end of one; it is still there for a while."""
        self.kube.delete(KIND, name, missing_ok=True)

    def has_pods(self, name: str) -> bool:
        """Whether a pod of it is there, also one on its way out."""
        return bool(self.kube.pods({_LABEL: name}))

    def files(self, name: str) -> dict[str, str]:
        """The files that it was given, by their paths: the sha256 of each.

        Raises:
            KubeFailed: they cannot be read, or it has no pod.
        """
        pod = self.kube.ready_pods({_LABEL: name})[0]
        found = self.kube.exec_json(pod.name, "python", "-c", _FILES, container=_CONTAINER)
        return cast(dict[str, str], found)

    def share(self, stable: str, canary: str, share: float) -> None:
        """Let the gateway send a share of requests to one, and all others to another.

        Raises:
            KubeFailed: it was refused.
        """
        weight = round(share * _OF_ALL)
        words = {
            **self.installed.words,
            "stable": stable,
            "canary": canary,
            "stable weight": _OF_ALL - weight,
            "canary weight": weight,
        }
        self.kube.apply(parts_of(self.installed.folder / _ROUTE, words))

    def address(self, name: str) -> str:
        """The URL by which one is asked, as the runner reaches it."""
        return f"http://{name}-predictor.{self.installed.namespace}.svc{_PATH}"

    @property
    def shared_address(self) -> str:
        """The URL by which those are asked that share requests."""
        return f"{self.installed.gateway}{_PATH}"


def registered_source(api: MlflowApi, name: str, version: str) -> str:
    """Where the registry says that the files of a version are.

    Raises:
        ApiError: MLflow refused it.
        NoReply: no complete reply came.
    """
    reply = api.get("model-versions/get-download-uri", name=name, version=version)
    return str(answer("model-versions/get-download-uri", reply)["artifact_uri"])


def key_of(bucket: Bucket, source: str) -> str:
    """The folder of the bucket that a URI of MLflow's means, without a slash at its end.

    Raises:
        Undecided: it means none that MLflow serves.
    """
    path = served_path(source)
    if path is None:
        raise Undecided(f"the files of a version are at {source}, which MLflow does not serve")
    return f"{bucket.prefix}{path}"


def stored_files(bucket: Bucket, folder: str) -> dict[str, str]:
    """The files of a folder of the bucket, by their paths in it: the sha256 of each.

    Raises:
        InsideFailed: the bucket refused it or could not be reached.
    """
    below = f"{folder.removeprefix(bucket.prefix)}/"
    keys = [found.key for found in bucket.objects(below)]
    return {
        key.removeprefix(f"{folder}/"): digest.sha256
        for key, digest in bucket.digests(keys).items()
        if digest is not None
    }
