# SPDX-License-Identifier: Apache-2.0
"""INT-2: registered models are served by KServe from the bucket, and a new version as a canary."""

import random
import time
from collections.abc import Collection
from contextlib import ExitStack

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.shares import likely
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.integrations.predictions import Traffic, predicted, question
from mlflow_conformance.integrations.serving import (
    FAILED,
    READY,
    ServedModels,
    key_of,
    registered_source,
    stored_files,
)
from mlflow_conformance.integrations.thresholds import CanaryVersion, ServedVersion
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

_SERVES = "KServe's controller in its mode Standard, MLServer, and KServe's storage initializer"
_SHARES = (
    "Traefik by the weights of an HTTPRoute of the Gateway API, between two InferenceServices: "
    "KServe has a canary of its own only on Knative"
)
_BATCH = 20
_STABLE, _CANARY = "stable", "canary"


@check(
    "INT-2",
    impact="What people are served is not what was trained and registered, or a model that cannot "
    "be had is taken for one that serves.",
    remedy="Serve the folder of the bucket that the registry names for the version, let KServe's "
    "storage initializer reach the bucket with an account that may read it, and let a model be "
    "ready when it is loaded.",
    writes=("mlflow", "cluster"),
)
def test_a_registered_version_is_served(
    evidence: Evidence,
    models: ServedModels,
    bucket: Bucket,
    inside: Inside,
    front: MlflowApi,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    rng: random.Random,
    waiter: Waiter,
) -> None:
    """A version is served from the bucket and predicts as it did; one that is not there fails.

    Preconditions: KServe can be installed; there is an account that reads the bucket.
    Steps: register two versions of a model, with random predictions that are kept from before;
    serve the older one by KServe, and a folder of the bucket that is not there.
    Expected: it becomes ready, and predicts to the last digit what the older version did before it
    was registered; its files are those that the bucket has where the registry says; the one that is
    not there ends as failed.
    """
    row = evidence.row(ServedVersion)
    evidence.note("what serves", _SERVES)
    model = belongings.model(unique("model"))
    lessons = [_lesson(rng, row.questions) for _ in range(2)]
    older, _ = models.registered(experiment, model, lessons)
    folder = key_of(bucket, older.source)
    uri = f"s3://{bucket.name}/{folder}"
    with ExitStack() as served:
        began = time.monotonic()
        served.enter_context(models.serving("asked", uri))
        served.enter_context(models.serving("absent", f"{uri}-{unique('absent')}"))
        asked, took = models.settled("asked"), round(time.monotonic() - began, 1)
        absent = models.settled("absent")
        evidence.note("why the one that is not there failed", absent.message, door="kubernetes")
        evidence.expect(
            "absent", "what becomes of a model that is not there", absent.outcome, "==", FAILED,
            door="kubernetes",
        )  # fmt: skip
        evidence.note("time until the version had settled", took, unit="s", door="kubernetes")
        evidence.note("why the version failed", asked.message, door="kubernetes")
        if not evidence.expect(
            "ready", "what becomes of a version", asked.outcome, "==", READY, door="kubernetes"
        ):
            return
        # Nodes hear of a ready pod a moment after the API server.
        _await_answer(inside, models.address("asked"), row.questions, waiter)
        request = question(models.address("asked"), row.questions)
        [outcome] = send_many(inside, [request], concurrency=1)
        told = predicted(outcome.need_reply())
        evidence.expect(
            "predictions", "what it predicts, and predicted before it was registered",
            told if isinstance(told, str) else list(told), "==", list(older.predicted),
            door="inside",
        )  # fmt: skip
        there = key_of(bucket, registered_source(front, model, older.version))
        evidence.expect(
            "files", "sha256 of its files, and of those in the bucket where the registry says",
            models.files("asked"), "==", stored_files(bucket, there), door="s3",
        )  # fmt: skip


@check(
    "INT-2.canary",
    impact="A new version is tried on nobody or on everybody, requests fail when it comes or goes, "
    "or a bad one cannot be taken back.",
    remedy="Weigh the routes to both versions by the promised share, give the old version all of "
    "them before the new one ends, and let a version get requests when its model is loaded.",
    writes=("mlflow", "cluster"),
)
def test_a_new_version_is_tried(
    evidence: Evidence,
    models: ServedModels,
    bucket: Bucket,
    inside: Inside,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    rng: random.Random,
    waiter: Waiter,
) -> None:
    """The next version gets its share of requests as a canary, and none when that is taken back.

    Preconditions: as INT-2.
    Steps: register two versions and serve both, the old one for all requests; send some; give the
    new one its share, and send more when it has answered one; take the share back, and send some
    when it answers none; let the new one end, and send until it is gone.
    Expected: which version answered is told by what it predicts; the new one answered none before
    and after, and between them as many as the binomial distribution allows; no request failed, and
    every answer was one of the two versions'.
    """
    row = evidence.row(CanaryVersion)
    evidence.note("what serves", _SERVES)
    evidence.note("what shares requests", _SHARES)
    name = belongings.model(unique("model"))
    lessons = [_lesson(rng, row.questions) for _ in range(2)]
    versions = dict(
        zip((_STABLE, _CANARY), models.registered(experiment, name, lessons), strict=True)
    )
    with ExitStack() as served:
        for label, version in versions.items():
            uri = f"s3://{bucket.name}/{key_of(bucket, version.source)}"
            served.enter_context(models.serving(label, uri))
        states = {label: models.settled(label) for label in versions}
        if amiss := {
            k: f"{s.outcome} {s.message}" for k, s in states.items() if s.outcome != READY
        }:
            evidence.undecided(f"not both versions are served, see INT-2: {amiss}")
        predictions = dict(zip(versions, lessons, strict=True))
        models.share(_STABLE, _CANARY, 0)
        _await_answer(inside, models.shared_address, row.questions, waiter, {200})
        traffic = Traffic(inside, models.shared_address, predictions)
        before = traffic.send(row.around)
        models.share(_STABLE, _CANARY, row.share)
        waiter.last_seen(
            "answered by the canary",
            lambda: traffic.send(_BATCH),
            done=lambda seen: seen[_CANARY] > 0,
            timeout="share in effect",
        )
        between = traffic.send(row.requests)
        models.share(_STABLE, _CANARY, 0)
        began = time.monotonic()
        waiter.last_seen(
            "answered by the canary no more",
            lambda: traffic.send(_BATCH),
            done=lambda seen: seen[_CANARY] == 0,
            timeout="share in effect",
            successes=3,
        )
        took = round(time.monotonic() - began, 1)
        evidence.note("time until the canary answered none", took, unit="s", door="inside")
        after = traffic.send(row.around)
        models.leave(_CANARY)
        waiter.last_seen(
            "gone: the canary's pods",
            lambda: (traffic.send(_BATCH), models.has_pods(_CANARY)),
            done=lambda seen: not seen[1],
            timeout="object deleted",
        )
    least, most = likely(row.requests, row.share, row.doubt)
    source = f"a share of {row.share:g}, outside in {row.doubt:g} of all runs"
    evidence.expect(
        "before", "requests that the canary answered before it had a share", before[_CANARY],
        "==", 0, door="inside",
    )  # fmt: skip
    evidence.expect(
        "share.least", f"requests of {row.requests} that the canary answered", between[_CANARY],
        ">=", least, door="inside", source=source,
    )  # fmt: skip
    evidence.expect(
        "share.most", f"requests of {row.requests} that the canary answered", between[_CANARY],
        "<=", most, door="inside", source=source,
    )  # fmt: skip
    evidence.expect(
        "back", "requests that the canary answered after its share was taken back", after[_CANARY],
        "==", 0, door="inside",
    )  # fmt: skip
    evidence.note("requests", traffic.sent, door="inside")
    evidence.note("what came in place of a prediction", brief("; ".join(traffic.wrong[:3])))
    evidence.expect(
        "failed", "requests that neither version answered, from before the canary to its end",
        len(traffic.wrong), "==", 0, door="inside",
    )  # fmt: skip


def _lesson(rng: random.Random, questions: int) -> list[float]:
    return [rng.uniform(-1, 1) for _ in range(questions)]


def _await_answer(
    inside: Inside, address: str, questions: int, waiter: Waiter, statuses: Collection[int] = ()
) -> None:
    """Until an address has its first route; what it answers before says nothing of a version.

    Args:
        statuses: with one of these; empty for any answer.
    """
    request = question(address, questions)
    waiter.until(
        f"answered: a request for a prediction at {address}",
        lambda: send_many(inside, [request], concurrency=1)[0].status,
        done=lambda status: status in statuses if statuses else status > 0,
        timeout="share in effect",
    )
