# SPDX-License-Identifier: Apache-2.0
"""Writers at the same time, on several replicas."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.many import Outcome, Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import check_set
from mlflow_conformance.ledger.linearizability import check as linearize
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.writing import attempt
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.answered import answered_history, answered_run
from mlflow_conformance.tracking.stored import stored_history, stored_run
from mlflow_conformance.tracking.thresholds import ConcurrentWriters, ReadsFollowWrites

_API = "/api/2.0/mlflow"
_PATIENCE_S = 300
_PORTION = 20


@check(
    "TRK-7",
    impact="Parallel training jobs lose metrics, or two teams share an experiment unknowingly.",
    remedy="Look for writers that bypass the database's constraints, and for lost acknowledgements "
    "in the attached ledger.",
    writes=("mlflow",),
)
def test_concurrent_writers(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
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
        3. No metric is refused, but for as many as the profile allows. Every acknowledged metric is
           in the history that each replica gives, with its value and time; the latest one is that
           of the last step. Where the profile names the database, SQL has the same, each once.
    """
    row = evidence.row(ConcurrentWriters)
    writers, rounds = row.writers, row.rounds
    each = row.metrics // writers
    apis = [replicas[n % len(replicas)] for n in range(writers)]
    with ThreadPoolExecutor(writers) as pool:
        outcomes: list[dict[str, int]] = []
        experiment = ""
        for _ in range(rounds):
            name = unique("race")
            replies = list(pool.map(lambda api: _create(api, name), apis))  # noqa: B023 - awaited
            outcomes.append(Counter(r if isinstance(r, str) else "created" for r in replies))
            made = {
                str(answer("experiments/create", r)["experiment_id"])
                for r in replies
                if not isinstance(r, str)
            }
            if sql_witness:
                ids = sql_witness.column(
                    "SELECT experiment_id FROM experiments WHERE name = %s", name
                )
                evidence.expect("sql.experiments", f"rows of {name}", len(ids), "==", 1, door="sql")
                made.update(map(str, ids))
            for experiment_id in sorted(made):
                experiment = belongings.experiment(experiment_id)
        evidence.expect(
            "creators",
            "outcomes of each round",
            outcomes,
            "==",
            [{"created": 1, "RESOURCE_ALREADY_EXISTS": writers - 1}] * rounds,
            door="inside",
        )
        run_id = new_run(front, experiment).run_id

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
    histories = [_history(replica, run_id) for replica in replicas]
    rows = stored_history(sql_witness, run_id) if sql_witness else histories[0]
    evidence.expect(
        "acknowledged",
        "acknowledged metrics",
        check_set(operations, []).acknowledged,
        ">=",
        writers * each - row.refused,
    )
    last = max((step for _, step, _, _ in rows), default=0)
    latest = {"loss": [last, last, last / 8]}
    if sql_witness:
        _expect_stored(evidence, rows, operations)
        evidence.expect(
            "sql.latest", "latest metric in SQL: step, time and value",
            stored_run(sql_witness, run_id).latest, "==", latest, door="sql",
        )  # fmt: skip
    for number, (replica, history) in enumerate(zip(replicas, histories, strict=True), 1):
        finding = check_set(operations, [step for _, step, _, _ in history])
        evidence.expect(
            "replica.lost", f"replica {number}: lost", list(finding.lost), "==", [], door="inside"
        )
        evidence.expect(
            "replica.altered", f"replica {number}: altered",
            _altered(history), "==", [], door="inside",
        )  # fmt: skip
        run = answered_run(answer("runs/get", replica.get("runs/get", run_id=run_id))["run"])
        evidence.expect(
            "replica.latest", f"replica {number}: latest metric: step, time and value",
            run.latest, "==", latest, door="inside",
        )  # fmt: skip


def _history(api: MlflowApi, run_id: str) -> list[list[Any]]:
    found = api.get("metrics/get-history", run_id=run_id, metric_key="loss")
    return answered_history(answer("metrics/get-history", found).get("metrics", []))


def _expect_stored(
    evidence: Evidence, rows: list[list[Any]], operations: Sequence[Operation]
) -> None:
    found = check_set(operations, [step for _, step, _, _ in rows])
    evidence.expect("sql.lost", "lost in SQL", list(found.lost), "==", [], door="sql")
    evidence.expect("sql.doubled", "doubled in SQL", list(found.duplicated), "==", [], door="sql")
    evidence.expect("sql.invented", "invented in SQL", list(found.ghosts), "==", [], door="sql")
    evidence.expect("sql.altered", "altered in SQL", _altered(rows), "==", [], door="sql")


def _altered(history: list[list[Any]]) -> list[list[Any]]:
    """The first points that are not as they were written: key, step, timestamp and value."""
    return [p for p in history if p != ["loss", p[1], p[1], p[1] / 8]][:5]


def _create(api: MlflowApi, name: str) -> str | Reply:
    try:
        reply = api.post("experiments/create", name=name)
    except NoReply as lost:
        return f"no reply: {lost.failure}"
    return reply if reply.status == 200 else error_of(reply)[0] or f"HTTP {reply.status}"


@check(
    "TRK-9",
    impact="A job that logged through one replica does not find its own data at the next request.",
    remedy="Look for a read replica, a cache, or a database per pod; the counter-example shows the "
    "requests in their order.",
    writes=("mlflow",),
)
def test_reads_follow_writes(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    two_replicas: list[MlflowApi],
    experiment: str,
) -> None:
    """A write that one replica acknowledged is read from another replica at once.

    Steps:
        1. Eight clients write a tag through one replica and read it through another, in turn, as
           many pairs as the profile says; six have a run of their own and two share one.
        2. A client that is alone with its run reads what it just wrote.
        3. The history of each run is linearizable: one order of all writes and reads explains what
           every client saw.
    """
    clients, shared = 8, 2
    row = evidence.row(ReadsFollowWrites)
    turns = row.pairs // clients
    runs = [new_run(front, experiment).run_id for _ in range(clients - shared + 1)]
    for run_id in runs:
        # Two first writes of one tag at once may be refused (a known limit): here is the first.
        first = front.post("runs/set-tag", run_id=run_id, key="register", value="0")
        answer("runs/set-tag", first)

    def work(number: int) -> list[Operation]:
        run_id = runs[min(number, clients - shared)]
        values = [f"{number}-{turn}" for turn in range(turns)]
        requests = []
        for turn, value in enumerate(values):
            writer = two_replicas[(number + turn) % len(two_replicas)]
            reader = two_replicas[(number + turn + 1) % len(two_replicas)]
            requests += [
                Request.post(writer, "runs/set-tag", run_id=run_id, key="register", value=value),
                Request.to(reader, "GET", f"{_API}/runs/get?run_id={run_id}"),
            ]
        # In portions: a busy cluster takes its time, which is no reason to give all of it up.
        outcomes: list[Outcome] = []
        for start in range(0, len(requests), _PORTION):
            portion = requests[start : start + _PORTION]
            outcomes += send_many(target.inside, portion, concurrency=1, patience_s=_PATIENCE_S)
        return [
            _operation(f"client {number}", run_id, values[n // 2] if n % 2 == 0 else None, outcome)
            for n, outcome in enumerate(outcomes)
        ]

    with ThreadPoolExecutor(clients) as pool:
        by_client = list(pool.map(work, range(clients)))
    evidence.expect(
        "acknowledged", "acknowledged pairs of write and read",
        sum(w.acknowledged and r.acknowledged for ops in by_client for w, r in _pairs(ops)),
        ">=", turns * clients - row.refused, door="inside",
    )  # fmt: skip
    stale = [
        [w.client, w.value, r.result]
        for operations in by_client[: clients - shared]
        for w, r in _pairs(operations)
        if w.acknowledged and r.acknowledged and r.result != w.value
    ]
    evidence.expect("stale-reads", "stale reads", len(stale), "==", 0, door="inside")
    evidence.note("stale reads, the first ones", stale[:5], door="inside")
    broken = [v for v in linearize(chain(*by_client), initial="0") if not v.holds]
    evidence.expect(
        "not-linearizable",
        "runs whose history is not linearizable",
        [v.key for v in broken],
        "==",
        [],
        door="inside",
    )
    if broken:
        text = "\n\n".join(v.counter_example() for v in broken)
        evidence.attach("counter-example", text, "text/plain", ".txt")


def _pairs(operations: list[Operation]) -> Iterable[tuple[Operation, Operation]]:
    return zip(operations[::2], operations[1::2], strict=True)


def _operation(client: str, run_id: str, value: str | None, outcome: Outcome) -> Operation:
    """A write of `value`, or a read when there is none, as the runner saw it."""
    began, status = outcome.started_ns, outcome.status
    return Operation(
        client=client,
        key=run_id,
        kind="read" if value is None else "write",
        value=value,
        invoked_ns=began,
        # Without a reply, and after a 5xx, nobody knows when or whether it took effect.
        returned_ns=began + int(outcome.reply.elapsed_s * 1e9) if 0 < status < 500 else None,
        outcome="acknowledged" if status == 200 else "refused" if 400 <= status < 500 else "open",
        result=_register(outcome.need_reply()) if value is None and status == 200 else None,
    )


def _register(reply: Reply) -> str | None:
    tags = answer("runs/get", reply)["run"]["data"].get("tags", [])
    return next((t["value"] for t in tags if t["key"] == "register"), None)
