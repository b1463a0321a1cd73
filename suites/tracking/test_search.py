# SPDX-License-Identifier: Apache-2.0
"""Search: filters, order and paging over many runs."""

from collections import Counter
from typing import Any

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.thresholds import Search

_CONCURRENCY = 8
_PATIENCE_S = 300
_WITH_DATA = 60


@check(
    "TRK-4",
    impact="Runs are missing from a comparison, or counted twice.",
    remedy="Compare the runs that differ with the table runs; look for replicas that order or page "
    "differently.",
    writes=("mlflow",),
)
def test_search_pages(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    target: Target,
    sql_witness: Sql | None,
    experiment: str,
) -> None:
    """Paging through a search gives each run exactly once, in order, whichever replica answers.

    Steps:
        1. Make as many runs as the profile says, spread over the replicas; log a param and a
           metric to some of them.
        2. Page through all of them by start time, each page from another replica, and hold the
           IDs and their order against those that were acknowledged.
        3. Filter by tag, name, param and metric; order by metric.
    """
    count = evidence.row(Search).runs
    bodies = [
        {
            "experiment_id": experiment,
            "run_name": f"run-{n:05}",
            "start_time": 1_000_000 + n,
            "tags": [{"key": "parity", "value": "odd" if n % 2 else "even"}],
        }
        for n in range(count)
    ]
    runs = [r["run"]["info"]["run_id"] for r in _posted(target, replicas, "runs/create", bodies)]
    data = [
        {
            "run_id": run_id,
            "params": [{"key": "depth", "value": str(n % 3)}],
            "metrics": [{"key": "score", "value": float((n * 37) % _WITH_DATA), "timestamp": 1}],
        }
        for n, run_id in enumerate(runs[:_WITH_DATA])
    ]
    _posted(target, replicas, "runs/log-batch", data)
    if sql := sql_witness:
        evidence.expect(
            "sql.runs", "runs in SQL",
            sql.one("SELECT count(*) FROM runs WHERE experiment_id = %s", int(experiment)),
            "==", count, door="sql",
        )  # fmt: skip

    def search(filter_string: str, order: str, page: int = 100) -> list[str]:
        found: list[str] = []
        token: str | None = None
        for turn in range(count + 2):
            reply = replicas[turn % len(replicas)].post(
                "runs/search", experiment_ids=[experiment], filter=filter_string,
                order_by=[order], max_results=page, **({"page_token": token} if token else {}),
            )  # fmt: skip
            body = answer("runs/search", reply)
            found += [r["info"]["run_id"] for r in body.get("runs", [])]
            token = body.get("next_page_token")
            if not token:
                return found
        raise Undecided(f"the search still gives a next page after {count + 2} pages")

    everything = search("", "attributes.start_time ASC")
    evidence.expect(
        "pages.repeated", "runs given more than once",
        sorted(r for r, n in Counter(everything).items() if n > 1), "==", [], door="inside",
    )  # fmt: skip
    evidence.expect(
        "pages.missing",
        "acknowledged runs not given",
        sorted(set(runs) - set(everything)),
        "==",
        [],
        door="inside",
    )
    evidence.expect(
        "pages.misplaced", "runs given in the wrong place",
        [[n, a] for n, (a, b) in enumerate(zip(everything, runs, strict=False)) if a != b][:5],
        "==", [], door="inside",
    )  # fmt: skip
    scores = {run_id: (n * 37) % _WITH_DATA for n, run_id in enumerate(runs[:_WITH_DATA])}
    searches: dict[str, tuple[str, str, list[str]]] = {
        "by tag, newest first": (
            "tags.parity = 'odd'", "attributes.start_time DESC", runs[1::2][::-1],
        ),
        "by name": (
            "attributes.run_name LIKE 'run-0001%'", "attributes.start_time ASC", runs[10:20],
        ),
        "by param": (
            "params.depth = '1'", "attributes.start_time ASC", runs[1:_WITH_DATA:3],
        ),
        "by metric, ordered by it": (
            "metrics.score >= 30", "metrics.score DESC",
            sorted((r for r, s in scores.items() if s >= 30), key=lambda r: -scores[r]),
        ),
    }  # fmt: skip
    for name, (filter_string, order, expected) in searches.items():
        found = search(filter_string, order, page=50)
        evidence.expect(
            "filter.found", f"{name}: found", len(found), "==", len(expected), door="inside"
        )
        evidence.expect(
            "filter.differences", f"{name}: differences",
            [n for n, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b][:5],
            "==", [], door="inside",
        )  # fmt: skip


def _posted(
    target: Target, replicas: list[MlflowApi], call: str, bodies: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """POST many bodies from the runner, spread over the replicas; their answers in order."""
    requests = [
        Request.post(replicas[n % len(replicas)], call, **body) for n, body in enumerate(bodies)
    ]
    outcomes = send_many(target.inside, requests, concurrency=_CONCURRENCY, patience_s=_PATIENCE_S)
    return [answer(call, o.need_reply()) for o in outcomes]
