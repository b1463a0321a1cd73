# SPDX-License-Identifier: Apache-2.0
"""A target on this machine or at a URL: MLflow's processes without a cluster around them."""

from collections.abc import Sequence

from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.target.base import HttpDoor, Target


def local_target(
    replica_urls: Sequence[str],
    inside: Inside,
    *,
    sql_dsn: dict[str, str | int] | None = None,
    s3_door: dict[str, str] | None = None,
    s3_prefix: str = "",
) -> Target:
    """A target of server processes.

    Args:
        replica_urls: every server's own URL; the first one is front door and Service at once.
        inside: the runner; on this machine it is this process.
        sql_dsn: libpq connection parameters of their database, or None for no SQL door.
        s3_door: endpoint, region, bucket, access_key and secret_key, or None for no S3 door.
        s3_prefix: what the keys of artifacts begin with.
    """
    return Target(
        kind="local",
        names=Names(
            namespace="none",
            mlflow=MlflowNames(deployment="none", service="none", selector={"none": "none"}),
            runner=RunnerNames(image="none"),
        ),
        inside=inside,
        service_url=replica_urls[0],
        replica_urls=lambda: list(replica_urls),
        made_here=True,
        disruption_allowed=False,
        front=HttpDoor(replica_urls[0]),
        sql=Sql(inside, sql_dsn) if sql_dsn else None,
        bucket=Bucket(inside, s3_door, s3_prefix) if s3_door else None,
    )
