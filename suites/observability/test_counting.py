# SPDX-License-Identifier: Apache-2.0
"""OBS-7: MLflow's own metrics of its requests, held against the requests that were sent."""

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability.counting import Told, away, routes
from mlflow_conformance.observability.thresholds import Counted
from mlflow_conformance.target.base import Target


@check(
    "OBS-7",
    impact="Dashboards and alerts tell of other requests, errors and latencies than people have.",
    remedy="Scrape every replica by itself, with all of its workers (--expose-prometheus), and "
    "watch what MLflow does not count by the ingress's metrics.",
    writes=("mlflow",),
)
def test_requests_are_counted(
    evidence: Evidence, target: Target, inside: Inside, experiment: str
) -> None:
    """The metrics of requests are what was sent: how many, how answered, for how long.

    Preconditions: a replica is ready; nobody else changes anything in MLflow meanwhile.
    Steps: read the metrics of each replica before and after requests to it, some of which it
    refuses, and of one replica before and after requests of each kind of route.
    Expected: each replica has metrics; by status they tell of as many more as were answered,
    within the profile's tolerance; the time that is told is the profile's share of the time that
    they took, or more; every kind of route is counted that the profile does not name.
    """
    urls = target.replica_urls()
    if not urls:
        evidence.undecided("no replica of MLflow is ready")
    row = evidence.row(Counted)
    for number, url in enumerate(urls, 1):
        api = target.api(url)
        before = Told.of(api, row.series)
        if not evidence.expect(
            "metrics.status",
            f"replica {number}: status of its metrics",
            before.status,
            "==",
            200,
            door="inside",
        ):
            return
        outcomes = send_many(inside, _asked(api, experiment, row.sent), concurrency=1)
        after = Told.of(api, row.series)
        differences = away(before, after, "POST", outcomes)
        evidence.note(f"replica {number}: told less sent, by status", differences, door="inside")
        most = max(abs(far) for by_series in differences.values() for far in by_series.values())
        evidence.expect(
            "counted.away", f"replica {number}: requests away from those that were sent", most,
            "<=", row.others, door="inside",
        )  # fmt: skip
        took = sum(outcome.need_reply().elapsed_s for outcome in outcomes)
        told = after.seconds("POST") - before.seconds("POST")
        evidence.note(
            f"replica {number}: seconds told and taken", [round(told, 3), round(took, 3)],
            door="inside",
        )  # fmt: skip
        evidence.expect(
            "durations.share", f"replica {number}: told time, as a share of the time taken",
            round(told / took, 3), ">=", row.share, door="inside",
        )  # fmt: skip
    uncounted = _uncounted(target.api(urls[0]), inside, experiment, row)
    for name in uncounted:
        if name in row.uncounted:
            evidence.limit(f"MLflow does not count requests of the kind: {name}")
    evidence.expect(
        "uncounted.unnamed", "kinds of routes that are not counted, and that the profile does not "
        "name", [name for name in uncounted if name not in row.uncounted], "==", [], door="inside",
    )  # fmt: skip


def _asked(api: MlflowApi, experiment: str, count: int) -> list[Request]:
    """Searches, and after each fourth one a write to a run that does not exist."""
    search = Request.post(api, "runs/search", experiment_ids=[experiment], max_results=10)
    refused = Request.post(api, "runs/log-parameter", run_id="0" * 32, key="k", value="v")
    return [r for n in range(count) for r in ((search, refused) if n % 4 == 3 else (search,))]


def _uncounted(api: MlflowApi, inside: Inside, experiment: str, row: Counted) -> list[str]:
    """The kinds of routes whose requests the metrics do not count."""
    found = []
    for name, request in routes(api, experiment).items():
        before = Told.of(api, row.series)
        outcomes = send_many(inside, [request] * row.each_route, concurrency=1)
        after = Told.of(api, row.series)
        differences = away(before, after, request.method, outcomes)
        if any(far < 0 for by_series in differences.values() for far in by_series.values()):
            found.append(name)
    return found
