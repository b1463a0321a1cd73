# SPDX-License-Identifier: Apache-2.0
"""Stages of model versions."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.registry.thresholds import Races
from mlflow_conformance.registry.versions import register_versions
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

_BARRIER_S = 30
_TRANSITION = "model-versions/transition-stage"
_DONE = [200, ""]


@check(
    "REG-2",
    impact="Stages do not say which version is in production.",
    remedy="Compare current_stage in the table model_versions with what each replica answers; "
    "prefer aliases, which MLflow keeps consistent.",
    writes=("mlflow",),
)
def test_stages(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """A version goes through the stages that MLflow has, and into no other.

    Steps:
        1. Move a version to Staging, Production, Archived, None and Production again; after each
           step read every replica, and SQL where the profile names the database.
        2. A stage that does not exist is refused and changes nothing.
    """
    run = new_run(front, experiment)
    name = belongings.model(unique("staged"))
    register_versions(front, name, run, 2)
    for stage in ("Staging", "Production", "Archived", "None", "Production"):
        evidence.expect(
            "transition", f"to {stage}", _move(front, name, "1", stage), "==", _DONE, door="front"
        )
        _expect_stages(evidence, sql_witness, replicas, name, f"to {stage}", [stage, "None"])
    evidence.expect(
        "unknown-stage", "to an unknown stage", _move(front, name, "1", "Live"),
        "==", [400, "INVALID_PARAMETER_VALUE"], door="front",
    )  # fmt: skip
    _expect_stages(evidence, sql_witness, replicas, name, "unknown stage", ["Production", "None"])


@check(
    "REG-2.archive",
    impact="After a promotion two versions are in production, or the promotion is refused.",
    remedy="With PostgreSQL, MLflow 3.17 needs the driver psycopg2 (postgresql+psycopg2://) for "
    "archive_existing_versions; better still, use aliases.",
    writes=("mlflow",),
)
def test_archiving_promotion(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """A promotion that archives the versions before it leaves one version in production.

    Steps:
        1. With version 1 in Production, move version 2 there with archive_existing_versions.
        2. Promote two versions like that at the same time, some times. Two versions in production
           after that are a known limit of MLflow, told and not judged.
    """
    run = new_run(front, experiment)
    name = belongings.model(unique("promoted"))
    register_versions(front, name, run, 2)
    answer("stage", front.post(_TRANSITION, name=name, version="1", stage="Production"))
    evidence.expect(
        "promotion", "promote 2, archiving",
        _move(front, name, "2", "Production", archive=True), "==", _DONE,
        door="front",
    )  # fmt: skip
    _expect_stages(evidence, sql_witness, replicas, name, "2 promoted", ["Archived", "Production"])

    def race(api: MlflowApi, version: str, start: Barrier) -> None:
        start.wait(_BARRIER_S)
        _move(api, name, version, "Production", archive=True)

    rounds, double = evidence.row(Races).races, 0
    for _ in range(rounds):
        for version in ("1", "2"):
            _move(front, name, version, "Staging")
        barrier = Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(race, (replicas[0], replicas[-1]), ("1", "2"), (barrier, barrier)))
        stages = _in_sql(sql_witness, name) if sql_witness else _at(replicas[0], name)
        production = stages.count("Production")
        evidence.expect(
            "race.in-production",
            "versions in production after a race",
            production,
            ">=",
            1,
            door="sql" if sql_witness else "inside",
        )
        double += production > 1
    evidence.note("races that left two versions in production", f"{double} of {rounds}")
    if double:
        evidence.limit(
            "Two concurrent transitions with archive_existing_versions leave two versions in "
            f"Production ({double} of {rounds} races): MLflow does not lock the model. Use aliases."
        )


def _move(
    api: MlflowApi, name: str, version: str, stage: str, *, archive: bool = False
) -> list[object]:
    """What a transition was answered with: status and error code."""
    reply = api.post(
        _TRANSITION, name=name, version=version, stage=stage, archive_existing_versions=archive
    )
    return [reply.status, error_of(reply)[0] if reply.status != 200 else ""]


def _expect_stages(
    evidence: Evidence,
    sql: Sql | None,
    replicas: list[MlflowApi],
    name: str,
    step: str,
    stages: list[str],
) -> None:
    if sql:
        evidence.expect("sql.stages", f"{step}: rows", _in_sql(sql, name), "==", stages, door="sql")
    for number, replica in enumerate(replicas, 1):
        evidence.expect(
            "replica.stages", f"{step}: replica {number}", _at(replica, name), "==", stages,
            door="inside",
        )  # fmt: skip


def _in_sql(sql: Sql, name: str) -> list[str]:
    """The stages of all versions, by their numbers, as the database has them."""
    return sql.column(
        "SELECT current_stage FROM model_versions WHERE name = %s ORDER BY version", name
    )


def _at(replica: MlflowApi, name: str) -> list[str]:
    """Likewise as a replica says."""
    found = replica.get("model-versions/search", filter=f"name='{name}'")
    read = answer("model-versions/search", found).get("model_versions", [])
    return [v["current_stage"] for v in sorted(read, key=lambda v: int(v["version"]))]
