# SPDX-License-Identifier: Apache-2.0
"""Aliases of a registered model, and the bytes that they lead to."""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

if TYPE_CHECKING:
    from mlflow import MlflowClient


@check(
    "REG-3",
    impact="Serving loads another model than the one that the alias names.",
    remedy="Compare the table registered_model_aliases with what each replica answers; look for a "
    "cache in between.",
    writes=("mlflow",),
)
def test_aliases(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    bucket_witness: Bucket | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    tmp_path: Path,
) -> None:
    """An alias that is set, moved and deleted always leads to the bytes of its version.

    Steps:
        1. Register two versions with different bytes.
        2. Set an alias to version 1, move it to 2, delete it, beside one to version 1 whose name
           differs in case alone. After each step read it through the front door and at every
           replica, and by SQL where the profile names the database, and download
           `models:/name@alias` and `models:/name/N` with MLflow's client.
        3. The sha256 of what came equals that of what was logged, and of the object in the bucket
           where the profile names that.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    name = belongings.model(unique("model"))
    mlflow_client.create_registered_model(name)
    run_id = mlflow_client.create_run(experiment).info.run_id
    contents = {n: f"weights of version {n}\n".encode() * 1000 * n for n in (1, 2)}
    for number, content in contents.items():
        file = tmp_path / "weights.bin"
        file.write_bytes(content)
        mlflow_client.log_artifact(run_id, str(file), f"model-{number}")
        source = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts/model-{number}"
        made = mlflow_client.create_model_version(name, source, run_id=run_id)
        if int(made.version) != number:
            evidence.undecided(f"version {number} was given the number {made.version}")
    digests = {number: sha256(content).hexdigest() for number, content in contents.items()}
    if bucket_witness:
        root = f"{bucket_witness.prefix}{experiment}/{run_id}/artifacts"
        keys = {n: f"{root}/model-{n}/weights.bin" for n in digests}
        stored = bucket_witness.digests(list(keys.values()))
        evidence.expect(
            "s3.sha256", "sha256 in the bucket",
            {str(n): d.sha256 if (d := stored[key]) else None for n, key in keys.items()},
            "==", {str(n): digest for n, digest in digests.items()}, door="s3",
        )  # fmt: skip

    def downloaded(uri: str) -> str:
        folder = tmp_path / sha256(f"{uri}{len(evidence.observations)}".encode()).hexdigest()
        folder.mkdir()
        path = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
        return sha256((path / "weights.bin").read_bytes()).hexdigest()

    def observe(step: str, expected: int | None) -> None:
        if sql := sql_witness:
            rows = sql.rows(
                "SELECT alias, version FROM registered_model_aliases WHERE name = %s", name
            )
            evidence.expect(
                "sql.alias", f"{step}: rows", dict(rows),
                "==", {"champion": expected, "Champion": 1} if expected else {"Champion": 1},
                door="sql",
            )  # fmt: skip
        told = str(expected) if expected else "INVALID_PARAMETER_VALUE"
        evidence.expect(
            "front.alias", f"{step}: the front door", _led_to(front, name, "champion"), "==", told,
            door="front",
        )  # fmt: skip
        for number, replica in enumerate(replicas, 1):
            evidence.expect(
                "replica.alias", f"{step}: replica {number}", _led_to(replica, name, "champion"),
                "==", told, door="inside",
            )  # fmt: skip
            evidence.expect(
                "replica.other-case", f"{step}: replica {number}, in another case",
                _led_to(replica, name, "Champion"), "==", "1", door="inside",
            )  # fmt: skip
        if expected:
            evidence.expect(
                "alias.sha256", f"{step}: sha256 by alias", downloaded(f"models:/{name}@champion"),
                "==", digests[expected], door="front",
            )  # fmt: skip

    for number, digest in digests.items():
        evidence.expect(
            "version.sha256", f"sha256 of version {number}", downloaded(f"models:/{name}/{number}"),
            "==", digest, door="front",
        )  # fmt: skip
    mlflow_client.set_registered_model_alias(name, "Champion", "1")
    mlflow_client.set_registered_model_alias(name, "champion", "1")
    observe("set to 1", 1)
    mlflow_client.set_registered_model_alias(name, "champion", "2")
    observe("moved to 2", 2)
    mlflow_client.delete_registered_model_alias(name, "champion")
    observe("deleted", None)
    try:
        outcome = downloaded(f"models:/{name}@champion")
    except MlflowException as problem:
        outcome = problem.error_code
    evidence.expect(
        "alias.deleted",
        "load by a deleted alias",
        outcome,
        "==",
        "INVALID_PARAMETER_VALUE",
        door="front",
    )


def _led_to(api: MlflowApi, name: str, alias: str) -> str:
    """The version that a model's alias leads to, or why there is none."""
    reply = api.get("registered-models/alias", name=name, alias=alias)
    if reply.status != 200:
        return error_of(reply)[0] or f"HTTP {reply.status}"
    return str(answer("alias", reply)["model_version"]["version"])
