# SPDX-License-Identifier: Apache-2.0
"""Versions of a registered model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.model import Door
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import check_unique_append
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.writing import attempt
from mlflow_conformance.registry.thresholds import VersionWriters
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique


@check(
    "REG-1",
    impact="Two models share a version, or a version that was handed out does not exist: the wrong "
    "model goes into production.",
    remedy="Look for a second database or a cache between the replicas, and in the attached ledger "
    "for the writers that were given the same version.",
    writes=("mlflow",),
)
def test_versions_are_unique_and_dense(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    experiment: str,
    ledger: Ledger,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Versions that concurrent writers register are unique and dense.

    Steps:
        1. As many writers as the profile says register versions of one model, spread over the
           replicas; intent and acknowledgement are on disk around each request.
        2. No registration is refused, but for as many as the profile allows. The versions that
           were handed out are all different.
        3. Every replica lists all of them and no other, each with what was registered, the numbers
           from 1 on without a gap; and so does SQL where the profile names the database.
    """
    row = evidence.row(VersionWriters)
    writers, each = row.writers, row.versions // row.writers
    name = belongings.model(unique("model"))
    answer("registered-models/create", front.post("registered-models/create", name=name))
    run = new_run(front, experiment)

    def write(number: int) -> list[str]:
        api = replicas[number % len(replicas)]
        return [
            _told(attempt(
                ledger, f"writer {number}", name, "append", f"{number}-{turn}",
                lambda turn=turn: api.post(  # type: ignore[misc]
                    "model-versions/create", name=name, run_id=run.run_id,
                    source=f"{run.artifact_uri}/{number}-{turn}",
                ),
                _version,
            ))
            for turn in range(each)
        ]  # fmt: skip

    with ThreadPoolExecutor(writers) as pool:
        told = Counter(chain.from_iterable(pool.map(write, range(writers))))
    operations = read(ledger.path)
    shown: list[tuple[str, Door, dict[int, str]]] = [
        (f"replica {number}", "inside", _listed(replica, name))
        for number, replica in enumerate(replicas, 1)
    ]
    if sql_witness:
        rows = sql_witness.rows("SELECT version, source FROM model_versions WHERE name = %s", name)
        shown.insert(0, ("SQL", "sql", {int(v): str(source) for v, source in rows}))
    finding = check_unique_append(operations, shown[0][2])
    evidence.note("registrations by answer", told, door="inside")
    evidence.expect(
        "refused", "registrations that were not acknowledged",
        len(operations) - finding.acknowledged, "<=", row.refused, door="inside",
    )  # fmt: skip
    evidence.expect(
        "handed-out-twice", "handed out twice", list(finding.duplicates), "==", [], door="inside"
    )
    for where, door, sources in shown:
        _expect_all(evidence, where, door, sources, operations)


def _listed(api: MlflowApi, name: str) -> dict[int, str]:
    """The versions of a model that a replica lists, each with its source."""
    call = "model-versions/search"
    found = answer(call, api.get(call, filter=f"name='{name}'", max_results=1000))
    return {int(v["version"]): v.get("source", "") for v in found.get("model_versions", [])}


def _expect_all(
    evidence: Evidence,
    where: str,
    door: Door,
    sources: Mapping[int, str],
    operations: Sequence[Operation],
) -> None:
    """Hold the versions that a door shows, each with its source, against those handed out."""
    finding = check_unique_append(operations, sources)
    evidence.expect(
        "lost", f"{where}: handed out and not there", list(finding.lost), "==", [], door=door
    )
    evidence.expect(
        "gaps", f"{where}: missing between 1 and the last", list(finding.gaps), "==", [], door=door
    )
    evidence.expect(
        "unclaimed", f"{where}: there and handed out to nobody", list(finding.ghosts), "==", [],
        door=door,
    )  # fmt: skip
    stored = {source.rsplit("/", 1)[-1]: version for version, source in sources.items()}
    evidence.expect(
        "sources", f"{where}: versions whose source is another writer's",
        [o.value for o in operations if o.acknowledged and stored.get(str(o.value)) != o.result],
        "==", [], door=door,
    )  # fmt: skip


def _told(reply: Reply | None) -> str:
    if reply is None:
        return "no reply"
    return f"HTTP {reply.status} {error_of(reply)[0] if reply.status != 200 else ''}".rstrip()


def _version(reply: Reply) -> int:
    return int(answer("model-versions/create", reply)["model_version"]["version"])
