# SPDX-License-Identifier: Apache-2.0
"""Back doors that checks can do without: asked where they are named, and nowhere else."""

from typing import cast

import pytest

from mlflow_conformance.config.names import (
    AuditorNames,
    MlflowNames,
    Names,
    PostgresqlNames,
    RunnerNames,
    S3Names,
)
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.target.base import Target

_INSIDE = cast(Inside, None)
_SQL, _BUCKET = Sql(_INSIDE, {}), Bucket(_INSIDE, {"bucket": "b"}, "")
_AUDITOR = AuditorNames(secret="auditor")
_DATABASE = PostgresqlNames(host="db.example", database="mlflow")
_STORE = S3Names(endpoint="https://s3.example", bucket="b")


def target(
    *,
    auditor: AuditorNames | None = None,
    missing: str = "",
    sql: Sql | None = None,
    bucket: Bucket | None = None,
    stores: bool = True,
) -> Target:
    """A target with or without back doors, and what its profile says of them."""
    names = Names(
        namespace="ml",
        mlflow=MlflowNames(deployment="m", service="m", selector={"app": "m"}),
        runner=RunnerNames(),
        postgresql=_DATABASE if stores else None,
        s3=_STORE if stores else None,
        auditor=auditor,
    )
    return Target(
        kind="context", names=names, inside=_INSIDE, service_url="", replica_urls=list,
        made_here=False, disruption_allowed=False, sql=sql, bucket=bucket,
        missing={"sql": missing, "s3": missing} if missing else {},
    )  # fmt: skip


def test_a_door_that_stands_is_asked() -> None:
    found = target(auditor=_AUDITOR, sql=_SQL, bucket=_BUCKET)
    assert (found.sql_witness(), found.bucket_witness()) == (_SQL, _BUCKET)
    # By options of the command line rather than by a profile.
    found = target(sql=_SQL, bucket=_BUCKET, stores=False)
    assert (found.sql_witness(), found.bucket_witness()) == (_SQL, _BUCKET)


@pytest.mark.parametrize("stores", [True, False])
def test_one_that_nobody_named_is_not_asked_and_it_is_said_why(*, stores: bool) -> None:
    found = target(stores=stores, missing="the profile names no auditor Secret" if stores else "")
    assert found.sql_witness() is None
    assert found.bucket_witness() is None
    said = "names no auditor Secret" if stores else "nobody named an account that only reads it"
    assert said in found.unasked("sql")


def test_one_that_is_named_and_does_not_stand_decides_nothing() -> None:
    found = target(auditor=_AUDITOR, missing="the Secret auditor is not there")
    for asked in (found.sql_witness, found.bucket_witness):
        with pytest.raises(Undecided, match="the Secret auditor is not there"):
            asked()
