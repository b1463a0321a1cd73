# SPDX-License-Identifier: Apache-2.0
"""INT-1: workflows of Argo use MLflow, and what happens in its registry starts them."""

import base64
import random
import time
from collections.abc import Callable
from typing import Any

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import Inside, InsideSender
from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    MlflowApi,
    answer,
    error_of,
    new_run,
    served_path,
)
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.integrations.events import alias_set, forged
from mlflow_conformance.integrations.models import digest, version_of
from mlflow_conformance.integrations.thresholds import Deployed, Trained
from mlflow_conformance.integrations.workflows import SUCCEEDED, Workflow, Workflows
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

_REPORT = "report/report.bin"
_WEIGHTS = 2048


@check(
    "INT-1",
    impact="Pipelines cannot log what they train: runs, artifacts or models are missing, or are "
    "not those of the workflow that people look at.",
    remedy="Let the network policies admit the namespace of the workflows, give their steps "
    "MLflow's address and an account that may write, and see what the step that failed printed.",
    writes=("mlflow", "cluster"),
)
def test_a_workflow_trains_a_model(
    evidence: Evidence,
    workflows: Workflows,
    front: MlflowApi,
    bucket_witness: Bucket | None,
    waiter: Waiter,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    rng: random.Random,
) -> None:
    """A workflow logs a run, stores an artifact, and registers a version of a model.

    Preconditions: Argo Workflows can be installed.
    Steps: start a workflow of the template `train-model` with a param, a metric and the bytes of an
    artifact that nobody else knows; wait until it has ended; read what MLflow and the bucket have.
    Expected: it succeeded; the experiment holds the run that the workflow tells and no other,
    finished, with that param and that metric; the artifact has the same bytes by MLflow and in the
    bucket; the model has one version, which is ready and comes from that run.
    """
    content = rng.randbytes(evidence.row(Trained).report_bytes)
    alpha, loss = f"{rng.uniform(0.1, 0.9):.6f}", f"{rng.uniform(0.1, 0.9):.6f}"
    model, name = belongings.model(unique("model")), unique("train")
    given = {
        "experiment": experiment,
        "model": model,
        "alpha": alpha,
        "loss": loss,
        "report": base64.b64encode(content).decode(),
    }
    began = time.monotonic()
    workflows.submit(name, "train-model", given)
    done = workflows.ended(name, waiter)
    took = round(time.monotonic() - began, 1)
    evidence.note("time until the workflow had ended", took, unit="s", door="kubernetes")
    evidence.note("the workflow", done.outcome, door="kubernetes")
    if not evidence.expect(
        "succeeded", "phase of the workflow", done.phase, "==", SUCCEEDED, door="kubernetes"
    ):
        return
    found = answer("runs/search", front.post("runs/search", experiment_ids=[experiment]))
    runs: list[dict[str, Any]] = found.get("runs", [])
    told = done.outputs.get("run-id", "")
    if not evidence.expect(
        "runs", "runs of the experiment", [run["info"]["run_id"] for run in runs], "==", [told],
        door="front",
    ):  # fmt: skip
        return
    run = runs[0]
    evidence.expect(
        "run.status", "status of the run", run["info"]["status"], "==", "FINISHED", door="front"
    )
    evidence.expect(
        "run.param", "params of the run", _values(run, "params"), "==", {"alpha": alpha},
        door="front",
    )  # fmt: skip
    evidence.expect(
        "run.metric", "metrics of the run", _values(run, "metrics"), "==", {"loss": float(loss)},
        door="front",
    )  # fmt: skip
    root = served_path(run["info"]["artifact_uri"])
    if root is None:
        evidence.undecided("artifacts of runs are at a place that MLflow does not serve")
    evidence.expect(
        "artifact.api", "sha256 of the artifact", _fetched(front, f"{root}/{_REPORT}"), "==",
        digest(content), door="front",
    )  # fmt: skip
    if bucket_witness:
        key = f"{bucket_witness.prefix}{root}/{_REPORT}"
        stored = bucket_witness.digests([key])[key]
        evidence.expect(
            "artifact.bucket", "sha256 of the artifact", stored.sha256 if stored else None, "==",
            digest(content), door="s3",
        )  # fmt: skip
    versions = answer(
        "model-versions/search", front.get("model-versions/search", filter=f"name='{model}'")
    ).get("model_versions", [])
    evidence.expect(
        "version", "versions of the model: number, state, and run",
        [[v["version"], v["status"], v.get("run_id", "")] for v in versions], "==",
        [[done.outputs.get("version"), "READY", told]], door="front",
    )  # fmt: skip


@check(
    "INT-1.event",
    impact="A model that was released is deployed late, twice, as another version or not at all; "
    "or whoever reaches the receiver of webhooks deploys what they like.",
    remedy="Let the network policies admit what receives the webhooks, start one workflow for each "
    "delivery ID with the version that the event names, and none for an event without the "
    "signature of the webhook's secret and a time of late.",
    writes=("mlflow", "cluster"),
)
def test_an_event_starts_a_deployment(
    evidence: Evidence,
    workflows: Workflows,
    inside: Inside,
    front: MlflowApi,
    waiter: Waiter,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    rng: random.Random,
) -> None:
    """An event of the registry starts one deployment, of its version; a forged event starts none.

    Preconditions: Argo Workflows can be installed.
    Steps: register a webhook for new versions and aliases that leads to what starts workflows; when
    no replica can still have the list of before, register a version of a model, and set an alias to
    an older version of another one; send, from the runner, events that are not signed, signed by
    another secret, changed after they were signed, or signed long ago, and one that is right,
    twice.
    Expected: the version, the alias and the right event started one workflow each, in time, with
    their model and version, and what it deployed is the content of that version; the others were
    refused, and started none.
    """
    row = evidence.row(Deployed)
    run = new_run(front, experiment)
    made, aliased, resent = (belongings.model(unique(w)) for w in ("made", "aliased", "resent"))
    bogus = unique("bogus")
    contents: dict[tuple[str, str], str] = {}

    def add_version(name: str) -> None:
        content = rng.randbytes(_WEIGHTS)
        contents[name, version_of(front, name, run, content)] = digest(content)

    for name in (made, aliased, resent):
        answer("registered-models/create", front.post("registered-models/create", name=name))
        add_version(name)
    for name in (aliased, resent):
        add_version(name)
    _register(evidence, front, workflows, unique, belongings)
    registered = time.monotonic()
    waiter.until(
        "past the age of every list of webhooks",
        lambda: time.monotonic() - registered,
        done=lambda age: age > row.cache_s,
        timeout="webhook list",
    )

    wanted = {made: "2", aliased: "1", resent: "1"}
    acts: dict[str, Callable[[], object]] = {
        made: lambda: add_version(made),
        aliased: lambda: answer("registered-models/alias", _alias(front, aliased)),
    }
    missing, slowest = [], 0.0
    for name, act in acts.items():
        began = time.monotonic()
        act()
        seen = waiter.last_seen(
            f"started: a workflow about {name}",
            lambda name=name: workflows.about([name])[name],  # type: ignore[misc]
            done=bool,
            timeout="workflow started",
            interval_s=0.2,
        )
        slowest = max(slowest, time.monotonic() - began)
        if not seen:
            missing.append(name)
    evidence.expect(
        "started.missing", "events of the registry that started no workflow", missing, "==", [],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "started.late", "longest from what was done in the registry until its workflow was there",
        round(slowest, 1), "<=", row.starts_s, unit="s", door="kubernetes",
    )  # fmt: skip

    send, patience = InsideSender(inside), waiter.seconds("api reply")
    statuses = {
        wrong: event.sent(send, workflows.trigger, patience)
        for wrong, event in forged(bogus, workflows.secret, old_s=row.old_s).items()
    }
    right = alias_set(resent, wanted[resent], workflows.secret)
    answers = [right.sent(send, workflows.trigger, patience) for _ in range(2)]
    evidence.note("answers to one event that was sent twice", answers, door="inside")
    evidence.expect(
        "forged.taken", "events that nobody may believe, and that were not refused",
        sorted(wrong for wrong, status in statuses.items() if status // 100 != 4), "==", [],
        door="inside",
    )  # fmt: skip

    ended = _all_ended(workflows, [*wanted, bogus], waiter)
    evidence.expect(
        "forged.started", "workflows that they started",
        sorted(w.given.get("version", "") for w in ended.pop(bogus)), "==", [], door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "resent.started", "workflows that an event started that was sent twice",
        len(ended[resent]), "==", 1, door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "started.repeated", "events of the registry that started several workflows",
        {name: len(ended[name]) for name in acts if len(ended[name]) > 1}, "==", {},
        door="kubernetes",
    )  # fmt: skip
    told = {w.name: w for found in ended.values() for w in found}
    evidence.expect(
        "given", "workflows with another version than that of their event",
        sorted(w.name for w in told.values() if w.given.get("version") != wanted[w.given["name"]]),
        "==", [], door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "succeeded", "workflows that did not succeed",
        {w.name: w.outcome for w in told.values() if w.phase != SUCCEEDED}, "==", {},
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "deployed", "workflows that deployed another content than that of the event's version",
        sorted(
            w.name
            for w in told.values()
            if w.phase == SUCCEEDED
            and w.outputs.get("sha256") != contents[w.given["name"], wanted[w.given["name"]]]
        ),
        "==", [], door="kubernetes",
    )  # fmt: skip


def _register(
    evidence: Evidence,
    front: MlflowApi,
    workflows: Workflows,
    unique: Unique,
    belongings: Belongings,
) -> None:
    events = ("MODEL_VERSION", "MODEL_VERSION_ALIAS")
    made = front.post(
        "webhooks", name=unique("deploy"), url=workflows.trigger, secret=workflows.secret,
        events=[{"entity": entity, "action": "CREATED"} for entity in events], status="ACTIVE",
    )  # fmt: skip
    if made.status != 200:
        evidence.undecided(
            f"MLflow does not take {workflows.trigger} for a webhook: HTTP {made.status} "
            f"{' '.join(error_of(made))}"
        )
    belongings.webhook(answer("webhooks", made)["webhook"]["webhook_id"])


def _alias(front: MlflowApi, name: str) -> Reply:
    return front.post("registered-models/alias", name=name, alias="champion", version="1")


def _all_ended(
    workflows: Workflows, models: list[str], waiter: Waiter
) -> dict[str, list[Workflow]]:
    return waiter.last_seen(
        "ended: every workflow that an event started",
        lambda: workflows.about(models),
        done=lambda seen: all(w.ended for found in seen.values() for w in found),
        timeout="workflow ended",
        interval_s=1,
    )


def _values(run: dict[str, Any], of: str) -> dict[str, Any]:
    return {v["key"]: v["value"] for v in run["data"].get(of, [])}


def _fetched(front: MlflowApi, key: str) -> str | None:
    """The sha256 of an artifact; None where there is none."""
    reply = front.request("GET", f"{ARTIFACTS}/{key}")
    return digest(reply.body) if reply.status == 200 else None
