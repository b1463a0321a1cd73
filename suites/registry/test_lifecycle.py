# SPDX-License-Identifier: Apache-2.0
"""Search, tags and deletion in the registry."""

from typing import Any

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
        1. Tag a model and a version, change and delete a tag: every replica tells the tags that are
           left, and SQL where the profile names the database; search by name and by tag.
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
    for tag, value in (("fit", "gut ☃"), ("gone", "x")):
        reply = front.post("model-versions/set-tag", name=name, version="1", key=tag, value=value)
        call(f"set a version's tag {tag}", reply.status)
    reply = front.delete("model-versions/delete-tag", name=name, version="1", key="gone")
    call("delete a version's tag", reply.status)
    if sql_witness:
        evidence.expect(
            "sql.tags", "tags of the model in SQL",
            sql_witness.rows("SELECT key, value FROM registered_model_tags WHERE name = %s", name),
            "==", [["team", "größe ☃"]], door="sql",
        )  # fmt: skip
        evidence.expect(
            "sql.version-tags", "tags of the versions in SQL",
            sql_witness.rows(
                "SELECT version, key, value FROM model_version_tags WHERE name = %s", name
            ),
            "==", [[1, "fit", "gut ☃"]], door="sql",
        )  # fmt: skip

    def models(api: MlflowApi, query: str) -> list[str]:
        found = answer("search", api.get("registered-models/search", filter=query, max_results=100))
        return [m["name"] for m in found.get("registered_models", [])]

    def listed(api: MlflowApi) -> dict[str, dict[str, str]]:
        found = answer("search", api.get("model-versions/search", filter=f"name='{name}'"))
        return {v["version"]: _tags(v) for v in found.get("model_versions", [])}

    def versions(api: MlflowApi) -> list[int]:
        return sorted(map(int, listed(api)))

    for number, replica in enumerate(replicas, 1):
        where = f"replica {number}"
        about = answer("get", replica.get("registered-models/get", name=name))
        evidence.expect(
            "tags.shown", f"{where}: tags of the model, and of its versions",
            [_tags(about.get("registered_model", {})), listed(replica)],
            "==", [{"team": "größe ☃"}, {"1": {"fit": "gut ☃"}, "2": {}}], door="inside",
        )  # fmt: skip
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


def _tags(told: dict[str, Any]) -> dict[str, str]:
    """The tags of a model or a version, as MLflow tells it."""
    return {tag["key"]: tag.get("value", "") for tag in told.get("tags", [])}


def _size(front: MlflowApi, bucket: Bucket | None, key: str) -> int | str:
    """How large an artifact is in the bucket, or as MLflow serves it; what is said if it is not."""
    if bucket:
        found = bucket.digests([bucket.prefix + key])[bucket.prefix + key]
        return found.size if found else "no such object"
    served = front.request("GET", f"{ARTIFACTS}/{key}")
    return len(served.body) if served.status == 200 else f"HTTP {served.status}"
