# SPDX-License-Identifier: Apache-2.0
"""A param never changes."""

from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check


@check(
    "TRK-3",
    impact="The parameters of a finished run can change, so results cannot be reproduced.",
    remedy="Look for a server or proxy that rewrites params, and for a missing primary key on the "
    "table params.",
    writes=("mlflow",),
)
def test_param_is_immutable(
    evidence: Evidence,
    front: MlflowApi,
    sql_witness: Sql | None,
    replicas: list[MlflowApi],
    experiment: str,
) -> None:
    """A param accepts its own value again and refuses any other, which changes nothing.

    Steps:
        1. Log a param; log the same value again, through the front door and at a replica.
        2. Log other values: at every replica, alone and in a batch with a new param.
        3. What every replica reads, and the stored row where the profile names the database, are
           still the first value, and nothing else.
    """
    run_id = new_run(front, experiment).run_id

    def log(api: MlflowApi, value: str) -> tuple[int, str]:
        reply = api.post("runs/log-parameter", run_id=run_id, key="depth", value=value)
        return reply.status, error_of(reply)[0] if reply.status != 200 else ""

    first = front.post("runs/log-parameter", run_id=run_id, key="depth", value="3")
    answer("runs/log-parameter", first)
    evidence.expect("same-value", "same value again", log(front, "3")[0], "==", 200, door="front")
    for number, replica in enumerate(replicas, 1):
        where = f"replica {number}"
        evidence.expect(
            "same-value", f"{where}: same value", log(replica, "3")[0], "==", 200, door="inside"
        )
        for value in ("4", "03", "", "3 "):
            evidence.expect(
                "other-value", f"{where}: other value {value!r}",
                list(log(replica, value)),
                "==", [400, "INVALID_PARAMETER_VALUE"], door="inside",
            )  # fmt: skip
    batch = front.post(
        "runs/log-batch",
        run_id=run_id,
        params=[{"key": "new", "value": "1"}, {"key": "depth", "value": "5"}],
    )
    evidence.expect(
        "batch.other-value", "other value in a batch", batch.status, "==", 400, door="front"
    )
    if sql := sql_witness:
        evidence.expect(
            "sql.value", "stored value",
            sql.rows("SELECT value FROM params WHERE run_uuid = %s AND key = 'depth'", run_id),
            "==", [["3"]], door="sql",
        )  # fmt: skip
        evidence.expect(
            "sql.batch-params", "params that the refused batch left",
            sql.column("SELECT key FROM params WHERE run_uuid = %s AND key <> 'depth'", run_id),
            "==", [], door="sql",
        )  # fmt: skip
    for number, replica in enumerate(replicas, 1):
        reply = replica.get("runs/get", run_id=run_id)
        evidence.expect(
            "replica.value", f"replica {number}: value read",
            answer("runs/get", reply)["run"]["data"].get("params", []),
            "==", [{"key": "depth", "value": "3"}], door="inside",
        )  # fmt: skip
