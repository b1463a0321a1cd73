# SPDX-License-Identifier: Apache-2.0
"""Writers at the same time, on several replicas."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from mlflow_conformance.clients.http import NoReply, Reply
from mlflow_conformance.clients.mlflow import MlflowApi, answer, error_of
from mlflow_conformance.clients.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.fixtures.belongings import Belongings, Unique
from mlflow_conformance.ledger.invariants import check_set
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.writing import attempt


@check(
    "TRK-7",
    impact="Parallel training jobs lose metrics, or two teams share an experiment unknowingly.",
    remedy="Look for writers that bypass the database's constraints, and for lost acknowledgements "
    "in the attached ledger.",
)
def test_concurrent_writers(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql: Sql,
    ledger: Ledger,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Of concurrent creators of one experiment exactly one wins, and no logged metric is lost.

    Steps:
        1. In each round, as many writers as the profile says create an experiment of one name,
           spread over the replicas: one gets 200, all others 400 RESOURCE_ALREADY_EXISTS.
        2. The same writers log metrics of one key to one run; intent and acknowledgement are on
           disk around each request.
        3. Every acknowledged metric is in PostgreSQL once, and in the history that each replica
           gives.
    """
    writers, rounds = int(evidence.number("writers")), int(evidence.number("rounds"))
    each = int(evidence.number("metrics")) // writers
    apis = [replicas[n % len(replicas)] for n in range(writers)]
    with ThreadPoolExecutor(writers) as pool:
        outcomes: list[dict[str, int]] = []
        experiment = ""
        for _ in range(rounds):
            name = unique("race")
            replies = list(pool.map(lambda api: _create(api, name), apis))  # noqa: B023 - awaited
            outcomes.append(Counter(r if isinstance(r, str) else "created" for r in replies))
            ids = sql.column("SELECT experiment_id FROM experiments WHERE name = %s", name)
            for experiment_id in ids:
                experiment = belongings.experiment(str(experiment_id))
            evidence.expect(f"rows of {name}", len(ids), "==", 1, door="sql")
        evidence.expect(
            "outcomes of each round",
            outcomes,
            "==",
            [{"created": 1, "RESOURCE_ALREADY_EXISTS": writers - 1}] * rounds,
            door="inside",
        )
        run = answer("runs/create", front.post("runs/create", experiment_id=experiment))
        run_id = run["run"]["info"]["run_id"]

        def write(number: int) -> None:
            for step in range(number * each, (number + 1) * each):
                attempt(
                    ledger, f"writer {number}", f"{run_id}/loss", "add", step,
                    lambda step=step: apis[number].post(  # type: ignore[misc]
                        "runs/log-metric", run_id=run_id, key="loss",
                        value=step / 8, timestamp=step, step=step,
                    ),
                )  # fmt: skip

        list(pool.map(write, range(writers)))
    operations = read(ledger.path)
    in_sql = check_set(
        operations, sql.column("SELECT step FROM metrics WHERE run_uuid = %s", run_id)
    )
    evidence.expect("acknowledged metrics", in_sql.acknowledged, ">=", 0.99 * writers * each)
    evidence.expect("lost in SQL", list(in_sql.lost), "==", [], door="sql")
    evidence.expect("doubled in SQL", list(in_sql.duplicated), "==", [], door="sql")
    evidence.expect("invented in SQL", list(in_sql.ghosts), "==", [], door="sql")
    for number, replica in enumerate(replicas, 1):
        history = answer(
            "metrics/get-history",
            replica.get("metrics/get-history", run_id=run_id, metric_key="loss"),
        )
        finding = check_set(operations, [int(m.get("step", 0)) for m in history.get("metrics", [])])
        evidence.expect(f"replica {number}: lost", list(finding.lost), "==", [], door="inside")


def _create(api: MlflowApi, name: str) -> str | Reply:
    try:
        reply = api.post("experiments/create", name=name)
    except NoReply as lost:
        return f"no reply: {lost.failure}"
    return reply if reply.status == 200 else error_of(reply)[0] or f"HTTP {reply.status}"
