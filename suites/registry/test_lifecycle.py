# SPDX-License-Identifier: Apache-2.0
"""Search, tags and deletion in the registry."""

from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    MlflowApi,
    answer,
    error_of,
    new_run,
    store,
)
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.registry.versions import register_versions
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique


@check(
    "REG-5",
    impact="Models cannot be found, or what was deleted is still served.",
    remedy="Compare the tables registered_models, model_versions and their tags with what each "
    "replica answers.",
    writes=("mlflow",),
)
def test_registry_lifecycle(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    bucket_witness: Bucket | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Search, tags and deletion of models and versions; artifacts outlive their version.

    Steps:
        1. Tag a model and a version, change and delete a tag; search by name and by tag.
        2. Delete a version, then the model: it is gone from every replica, and, where the profile
           names the database, from SQL; the name can be used again.
        3. The version's artifacts are still there, in the bucket where the profile names it and by
           way of MLflow elsewhere, as MLflow documents: they are the run's.
    """
    run = new_run(front, experiment)
    key = f"{experiment}/{run.run_id}/artifacts/1/weights.bin"
    store(front, key, b"weights")
    name = belongings.model(unique("kept"))
    register_versions(front, name, run, 2)

    def call(what: str, reply_status: int) -> None:
        evidence.expect("call", what, reply_status, "==", 200, door="front")

    for value in ("first", "größe ☃"):
        reply = front.post("registered-models/set-tag", name=name, key="team", value=value)
        call(f"set tag {value}", reply.status)
    reply = front.post("registered-models/set-tag", name=name, key="gone", value="x")
    call("set another tag", reply.status)
    call("delete it", front.delete("registered-models/delete-tag", name=name, key="gone").status)
    reply = front.post("model-versions/set-tag", name=name, version="1", key="fit", value="good")
    call("set a version's tag", reply.status)
    if sql_witness:
        evidence.expect(
            "sql.tags", "tags of the model in SQL",
            sql_witness.rows("SELECT key, value FROM registered_model_tags WHERE name = %s", name),
            "==", [["team", "größe ☃"]], door="sql",
        )  # fmt: skip

    def models(api: MlflowApi, query: str) -> list[str]:
        found = answer("search", api.get("registered-models/search", filter=query, max_results=100))
        return [m["name"] for m in found.get("registered_models", [])]

    def versions(api: MlflowApi) -> list[int]:
        found = answer("search", api.get("model-versions/search", filter=f"name='{name}'"))
        return sorted(int(v["version"]) for v in found.get("model_versions", []))

    for number, replica in enumerate(replicas, 1):
        where = f"replica {number}"
        evidence.expect(
            "search.name", f"{where}: search by name",
            models(replica, f"name = '{name}'"), "==", [name],
            door="inside",
        )  # fmt: skip
        evidence.expect(
            "search.tag", f"{where}: search by tag",
            models(replica, f"name ILIKE '{name.upper()}' AND tags.team = 'größe ☃'"),
            "==", [name], door="inside",
        )  # fmt: skip
        evidence.expect(
            "versions.listed", f"{where}: versions", versions(replica), "==", [1, 2], door="inside"
        )
    call("delete version 1", front.delete("model-versions/delete", name=name, version="1").status)
    for number, replica in enumerate(replicas, 1):
        where = f"replica {number}"
        evidence.expect(
            "versions.left", f"{where}: versions left", versions(replica), "==", [2], door="inside"
        )
        gone = replica.get("model-versions/get", name=name, version="1")
        evidence.expect(
            "versions.deleted", f"{where}: deleted version", [gone.status, error_of(gone)[0]],
            "==", [404, "RESOURCE_DOES_NOT_EXIST"], door="inside",
        )  # fmt: skip
    call("delete the model", front.delete("registered-models/delete", name=name).status)
    for number, replica in enumerate(replicas, 1):
        evidence.expect(
            "model.found", f"replica {number}: search for the deleted model",
            models(replica, f"name = '{name}'"),
            "==", [], door="inside",
        )  # fmt: skip
    if sql_witness:
        evidence.expect(
            "model.rows", "rows of the deleted model",
            sql_witness.one("SELECT count(*) FROM registered_models WHERE name = %s", name),
            "==", 0, door="sql",
        )  # fmt: skip
    evidence.expect(
        "artifact.size", "artifact of the deleted version", _size(front, bucket_witness, key),
        "==", len(b"weights"), door="s3" if bucket_witness else "front",
    )  # fmt: skip
    again = front.post("registered-models/create", name=name)
    evidence.expect(
        "name-again",
        "make a model of that name again",
        again.status,
        "==",
        200,
        door="front",
    )


def _size(front: MlflowApi, bucket: Bucket | None, key: str) -> int | str:
    """How large an artifact is in the bucket, or as MLflow serves it; what is said if it is not."""
    if bucket:
        found = bucket.digests([bucket.prefix + key])[bucket.prefix + key]
        return found.size if found else "no such object"
    served = front.request("GET", f"{ARTIFACTS}/{key}")
    return len(served.body) if served.status == 200 else f"HTTP {served.status}"
