# SPDX-License-Identifier: Apache-2.0
"""The object store is down: what fails, what goes on, and what comes back by itself."""

import time
from collections.abc import Mapping
from dataclasses import replace

from mlflow_conformance.artifacts.thresholds import StoreOutage
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.workloads import controller_of
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    MlflowApi,
    answer,
    error_of,
    new_run,
    store,
)
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed


@check(
    "ART-6",
    impact="When the object store stumbles, jobs hang without an error, metrics are lost too, or "
    "somebody has to restart MLflow at night.",
    remedy="Bound what MLflow waits for the object store (AWS_MAX_ATTEMPTS), and let no probe of "
    "MLflow depend on it.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_object_store_is_down(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket: Bucket,
    waiter: Waiter,
    experiment: str,
) -> None:
    """Without its object store MLflow refuses uploads in time, tracks on, and recovers by itself.

    Preconditions: the object store runs in the namespace, as pods that a Deployment or a
    StatefulSet makes.
    Steps:
        1. Store an artifact. Scale the object store to nothing; proof: it has no pod, and the
           bucket cannot be listed.
        2. An upload is refused within the promised time, with an error; at every replica a run can
           be made, logged to and found; no pod of MLflow becomes unready or restarts.
        3. Scale it back: an upload succeeds within the promised time, in the same containers, and
           what was stored before is still there.
    """
    row = evidence.row(StoreOutage)
    names = target.names.mlflow
    run_id = new_run(front, experiment).run_id
    root = f"{experiment}/{run_id}/artifacts"
    patient = replace(front, timeout_s=row.refused_within_s + 30)

    def upload(name: str) -> tuple[int, str, str, float]:
        """Status, error code, what was said, and how long it took."""
        began = time.monotonic()
        try:
            reply = patient.request("PUT", f"{ARTIFACTS}/{root}/{name}", body=name.encode())
        except NoReply as lost:
            return 0, "", str(lost), time.monotonic() - began
        return reply.status, *error_of(reply), time.monotonic() - began

    store(front, f"{root}/before.txt", b"before.txt")
    before = _containers(kube.pods(names.selector, container=names.container))
    pods_of_store = target.names.s3.selector if target.names.s3 else {}
    down = _taken_down(evidence, kube, pods_of_store)
    with changed(target, [down], waiter):
        waiter.until(
            "gone: every pod of the object store",
            lambda: kube.pods(pods_of_store), done=lambda pods: not pods, timeout="object deleted",
        )  # fmt: skip
        try:
            bucket.objects(root)
            listed = "listed"
        except InsideFailed as refused:
            listed = f"not listed: {refused}"[:200]
        evidence.note("the bucket while it is down", listed, door="s3")
        if listed == "listed":
            evidence.undecided("the bucket still answers, so nothing was taken down")
        status, code, said, took_s = upload("during.txt")
        evidence.expect(
            "upload.during", "upload while it is down",
            status if said.strip() else f"{status} without a word",
            "in", [500, 502, 503, 504], door="front",
        )  # fmt: skip
        evidence.note("what the upload was told", said.strip(), door="front")
        if not code:
            evidence.limit(
                f"MLflow says no more than this of an upload that has no store: {said.strip()}"
            )
        evidence.expect(
            "upload.refused-after",
            "upload: refused after",
            round(took_s, 1),
            "<=",
            row.refused_within_s,
            unit="s",
            door="front",
        )
        for number, replica in enumerate(replicas, 1):
            evidence.expect(
                "tracking.during", f"replica {number}: tracking while it is down",
                _tracked(replica, experiment), "==", [200, 200, 200, True], door="inside",
            )  # fmt: skip
        during = kube.pods(names.selector, container=names.container)
        evidence.expect(
            "replicas.ready", "replicas ready while it is down", sum(p.ready for p in during),
            ">=", len(before), door="kubernetes",
        )  # fmt: skip
    began = time.monotonic()
    try:
        waiter.until(
            "stored again: an artifact",
            lambda: upload("after.txt")[0],
            done=lambda status: status == 200, timeout="upload settled",
        )  # fmt: skip
    except TimedOut as never:
        evidence.note("uploads afterwards", str(never), door="front")
    evidence.expect(
        "upload.recovered-after", "upload: taken again after", round(time.monotonic() - began, 1),
        "<=", row.recovered_within_s, unit="s", door="front",
    )  # fmt: skip
    # The runner's node may learn of the new pod after MLflow's did.
    found = waiter.until(
        "listed: the bucket, by the runner",
        lambda: _sizes(bucket, root),
        done=lambda sizes: sizes is not None, timeout="endpoint reachable",
    )  # fmt: skip
    evidence.expect(
        "objects.after", "objects afterwards", found,
        "==", {n: len(n) for n in ("before.txt", "after.txt")}, door="s3",
    )  # fmt: skip
    after = _containers(kube.pods(names.selector, container=names.container))
    evidence.expect(
        "containers.kept", "containers that were restarted or replaced",
        sorted(name for name, one in before.items() if after.get(name) != one), "==", [],
        door="kubernetes",
    )  # fmt: skip


def _taken_down(evidence: Evidence, kube: Kube, selector: Mapping[str, str]) -> ObjectChange:
    """What takes the object store away: whatever makes its pods is scaled to nothing."""
    running = kube.pods(selector) if selector else []
    if not running:
        evidence.undecided(
            "the profile names no pods of the object store: it is not in the cluster"
        )
    maker = controller_of(kube, running[0])
    if maker is None:
        evidence.undecided(f"nothing that can be scaled makes the pod {running[0].name}")
    kind, name = maker
    return ObjectChange(kind=kind, name=name, patch={"spec": {"replicas": 0}})


def _sizes(bucket: Bucket, root: str) -> dict[str, int] | None:
    """Sizes of a run's objects by their names; None while the bucket cannot be listed."""
    try:
        objects = bucket.objects(root)
    except InsideFailed:
        return None
    return {o.key.removeprefix(f"{bucket.prefix}{root}/"): o.size for o in objects}


def _containers(pods: list[Pod]) -> dict[str, list[str | int | None]]:
    return {
        p.name: [p.uid, p.restarts, p.started]
        for p in pods
        if p.ready and p.replica and not p.terminating
    }


def _tracked(api: MlflowApi, experiment: str) -> list[int | bool | str]:
    """Statuses of making a run, logging to it and finding it; and whether it was found.

    A replica that gives no reply shows why: that it does not track on is what is to be seen.
    """
    try:
        return _run_made_and_found(api, experiment)
    except NoReply as lost:
        return [lost.failure]


def _run_made_and_found(api: MlflowApi, experiment: str) -> list[int | bool | str]:
    made = api.post("runs/create", experiment_id=experiment)
    if made.status != 200:
        return [made.status]
    run_id = answer("runs/create", made)["run"]["info"]["run_id"]
    logged = api.post("runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1, step=0)
    found = api.post(
        "runs/search", experiment_ids=[experiment], filter=f"attributes.run_id = '{run_id}'"
    )
    runs = answer("runs/search", found).get("runs", []) if found.status == 200 else []
    seen = any(r["data"].get("metrics", [{}])[0].get("value") == 0.5 for r in runs)
    return [made.status, logged.status, found.status, seen]
