# SPDX-License-Identifier: Apache-2.0
"""Each identity has its own bucket, and no other."""

from functools import partial
from typing import Any

from mlflow_conformance.artifacts.roles import keys_of
from mlflow_conformance.artifacts.thresholds import Roles
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.target.base import Target

_ATTEMPTS = ("write", "list", "delete")


@check(
    "ART-4.roles",
    impact="A backup job that is taken over rewrites models; a server that is taken over deletes "
    "the backups.",
    remedy="Give each role the rights to its own bucket alone.",
    writes=("bucket",),
)
def test_each_role_has_its_bucket_alone(
    evidence: Evidence, target: Target, kube: Kube, bucket: Bucket, unique: Unique
) -> None:
    """MLflow's identity cannot touch the backups, nor the backup's the artifacts.

    Steps:
        1. With each role's own credentials write, list and delete in its own bucket.
        2. With the same credentials write, list and delete in each other role's: refused, and
           nothing is there afterwards.
    """
    roles = evidence.row(Roles).roles
    key = f"{bucket.prefix}{unique('probe')}"

    def tried(name: str, where: str) -> dict[str, Any]:
        keys = keys_of(roles[name], kube, target.inside, bucket)
        door = {**bucket.door, **keys, "bucket": where}
        call = partial(target.inside.call, door=door)
        return {
            "write": call("s3_put", key=key),
            "list": call("s3_try_list", prefix=bucket.prefix),
            "delete": call("s3_delete", key=key),
        }

    for name, role in roles.items():
        for where in sorted({r.bucket for r in roles.values()}):
            own = where == role.bucket
            evidence.expect(
                "role.access", f"{name} in {'its own bucket' if own else where}",
                tried(name, where), "==", dict.fromkeys(_ATTEMPTS, None if own else "AccessDenied"),
                door="s3",
            )  # fmt: skip
    for where in sorted({r.bucket for r in roles.values()}):
        left = Bucket(target.inside, {**bucket.door, "bucket": where}, "").objects(key)
        evidence.expect(
            "probe.left", f"left in {where}", [o.key for o in left], "==", [], door="s3"
        )
