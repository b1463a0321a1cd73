# SPDX-License-Identifier: Apache-2.0
"""Each identity has its own bucket, and no other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from pydantic import JsonValue

from mlflow_conformance.artifacts.roles import keys_of
from mlflow_conformance.artifacts.thresholds import Roles
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.target.base import Target

_Attempt = Callable[..., JsonValue]


@check(
    "ART-4.roles",
    impact="A backup job that is taken over rewrites models; a server that is taken over reads or "
    "deletes the backups.",
    remedy="Give each role the rights to its own bucket alone.",
    writes=("bucket",),
)
def test_each_role_has_its_bucket_alone(
    evidence: Evidence, target: Target, kube: Kube, bucket: Bucket, unique: Unique
) -> None:
    """MLflow's identity cannot touch the backups, nor the backup's the artifacts.

    Steps:
        1. With each role's own credentials write an object into its own bucket, read it, and list.
        2. With the same credentials read that of each other role, write another beside it, list,
           and delete it: refused.
        3. Each role deletes its own again, and nothing is there afterwards.
    """
    roles = evidence.row(Roles).roles
    keys = {name: keys_of(role, kube, target.inside, bucket) for name, role in roles.items()}
    buckets = sorted({role.bucket for role in roles.values()})
    probe, planted = (f"{bucket.prefix}{unique(name)}" for name in ("probe", "planted"))

    def by(name: str, where: str) -> _Attempt:
        door = {**bucket.door, **keys[name], "bucket": where}
        return partial(target.inside.call, door=door)

    def tried(name: str, where: str, *, own: bool) -> dict[str, JsonValue]:
        call = by(name, where)
        return {
            "write": call("s3_put", key=probe if own else planted),
            "read": call("s3_try_get", key=probe),
            "list": call("s3_try_list", prefix=bucket.prefix),
            **({} if own else {"delete": call("s3_delete", key=probe)}),
        }

    def expect(name: str, where: str, *, own: bool) -> None:
        seen = tried(name, where, own=own)
        evidence.expect(
            "role.access", f"{name} in {'its own bucket' if own else where}",
            seen, "==", dict.fromkeys(seen, None if own else "AccessDenied"), door="s3",
        )  # fmt: skip

    owners = [by(name, role.bucket) for name, role in roles.items()]
    with _removed(owners, probe, planted):
        for name, role in roles.items():
            expect(name, role.bucket, own=True)
        for name, role in roles.items():
            for where in buckets:
                if where != role.bucket:
                    expect(name, where, own=False)
    for where in buckets:
        left = Bucket(target.inside, {**bucket.door, "bucket": where}, "")
        found = [o.key for key in (probe, planted) for o in left.objects(key)]
        evidence.expect("probe.left", f"left in {where}", found, "==", [], door="s3")


@contextmanager
def _removed(owners: list[_Attempt], *keys: str) -> Iterator[None]:
    """Each owner deletes these objects from its own bucket in the end."""
    try:
        yield
    finally:
        for owner in owners:
            for key in keys:
                owner("s3_delete", key=key)
