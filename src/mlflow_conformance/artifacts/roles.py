# SPDX-License-Identifier: Apache-2.0
"""The keys of the identities that use the object store."""

from mlflow_conformance.artifacts.sts import Sts
from mlflow_conformance.artifacts.thresholds import KeysInSecret, Role
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.s3 import Bucket


def keys_of(role: Role, kube: Kube, inside: Inside, bucket: Bucket) -> dict[str, str]:
    """The keys of an identity, by the names that a door to S3 has.

    Args:
        bucket: where an STS is that has no address of its own.

    Raises:
        Undecided: the STS gives none, or the Secret cannot be read or does not hold them.
        KubeFailed: the ServiceAccount cannot be read.
        NoReply: the STS did not answer.
    """
    if isinstance(role, KeysInSecret):
        try:
            kept = kube.secret(role.secret)
        except LookupError as problem:
            raise Undecided(str(problem)) from problem
        if absent := [key for key in (role.access_key, role.secret_key) if key not in kept]:
            raise Undecided(f"the Secret {role.secret} lacks {' and '.join(absent)}")
        return {"access_key": kept[role.access_key], "secret_key": kept[role.secret_key]}
    sts = Sts.of(kube, inside, bucket, role.sts)
    token = sts.token(role.service_account, role.audience)
    seen = sts.exchanged(token, role.service_account)
    if not seen.keys:
        raise Undecided(f"the STS gives {role.service_account} no keys: {seen}")
    return dict(seen.keys)
