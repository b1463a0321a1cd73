# SPDX-License-Identifier: Apache-2.0
"""Where everything is: one frozen description, the same for every kind of target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.inside import Inside, InsideSender
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql

TargetKind = Literal["kind", "context", "local"]


@dataclass(frozen=True)
class HttpDoor:
    """A way to the server by HTTP.

    Attributes:
        url: scheme, host and port, without a trailing slash.
        ca_file: certificate authority of the server, or None for the system's.
        headers: sent with every request, such as credentials.
        client_file: certificate and key by which this suite is known to the server, or None.
    """

    url: str
    ca_file: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    client_file: str | None = None

    def api(self) -> MlflowApi:
        """The MLflow API through this door, from this process."""
        sender = partial(send, ca_file=self.ca_file, client_file=self.client_file)
        return MlflowApi(self.url, sender, self.headers)


@dataclass(frozen=True)
class Target:
    """A deployment under test.

    A door that is missing is None; a check that needs it is `unknown` with that reason.

    Attributes:
        service_url: the MLflow Service as the runner reaches it.
        replica_urls: looks up every ready replica's own URL, as the runner reaches it.
        made_here: the cluster was made by this program, on this machine.
        disruption_allowed: whether checks may disturb the deployment.
        own: the deployment is the profile's own: it was made here, or the profile names its
            context, so that the profile's lines may be run on it.
        inside_ca_file: on this machine, authority of MLflow's own pods where they have one.
        pair_url: what answers for a server of the pair that stands before an upgrade, from its
            name (A, B) and its own URL: the server, or what a mutant put in front of it.
        root: what holds the `deployment/` from which a check installs something of its own.
    """

    kind: TargetKind
    names: Names
    inside: Inside
    service_url: str
    replica_urls: Callable[[], Sequence[str]]
    made_here: bool
    disruption_allowed: bool
    own: bool = False
    front: HttpDoor | None = None
    sql: Sql | None = None
    bucket: Bucket | None = None
    kube: Kube | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    inside_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    inside_ca_file: str | None = None
    pair_url: Callable[[str, str], str] = lambda _, url: url
    root: Path = field(default_factory=assets.root)

    def api(self, base_url: str | None = None) -> MlflowApi:
        """The MLflow API from the runner: through the Service, or one replica's own URL.

        Raises:
            Undecided: MLflow does not answer the runner (see `mlflow_conformance.target.basics`).
        """
        if "inside" in self.missing:
            raise Undecided(self._why("inside", ""))
        return MlflowApi(
            base_url or self.service_url, InsideSender(self.inside), self.inside_headers
        )

    def entrance(self) -> MlflowApi:
        """The MLflow API as clients reach it: through the front door.

        A deployment that has no address outside of its cluster has clients in it alone: there the
        Service is the way in, and the runner the client.

        Raises:
            Undecided: that way does not stand.
        """
        if self.front is None and self.kube is not None and self.names.front is None:
            return self.api()
        return self.need_front().api()

    def replicas_compared(self) -> int:
        """How many replicas must be ready to be compared: two, or the one that is asked for.

        Raises:
            KubeFailed: the workload cannot be read.
        """
        if self.kube is None:
            return 2
        names = self.names.mlflow
        asked = self.kube.get(names.kind, names.deployment)["spec"].get("replicas")
        return 1 if asked in (None, 1) and names.hpa is None else 2

    def need_front(self) -> HttpDoor:
        """The front door.

        Raises:
            Undecided: the target has none.
        """
        if self.front is None:
            raise Undecided(self._why("front", "the profile names no front door"))
        return self.front

    def need_sql(self) -> Sql:
        """The back door to PostgreSQL.

        Raises:
            Undecided: the target has none.
        """
        if self.sql is None:
            raise Undecided(self._why("sql", "there are no credentials for SQL"))
        return self.sql

    def sql_witness(self) -> Sql | None:
        """The back door to PostgreSQL, for what other doors show as well; None if nobody named it.

        Raises:
            Undecided: it is named, and does not stand.
        """
        names = self.names
        named = names.postgresql is not None and names.auditor is not None
        return self.need_sql() if named or self.sql else None

    def bucket_witness(self) -> Bucket | None:
        """Likewise the back door to the bucket.

        Raises:
            Undecided: it is named, and does not stand.
        """
        named = self.names.s3 is not None and self.names.auditor is not None
        return self.need_bucket() if named or self.bucket else None

    def need_bucket(self) -> Bucket:
        """The back door to the bucket.

        Raises:
            Undecided: the target has none.
        """
        if self.bucket is None:
            raise Undecided(self._why("s3", "there are no credentials for the bucket"))
        return self.bucket

    def need_kube(self) -> Kube:
        """The cluster.

        Raises:
            Undecided: the target is not in a cluster.
        """
        if self.kube is None:
            raise Undecided("the target is not in a Kubernetes cluster")
        return self.kube

    def need_own(self) -> Kube:
        """The cluster, for lines of the profile and of its guide, and what they install.

        Raises:
            Undecided: the target is not in a cluster, or in one that the profile does not name.
        """
        kube = self.need_kube()
        if not self.own:
            raise Undecided(
                "this runs lines of the profile or of its guide, and the profile does not say that "
                f"they are about this deployment: list the context {kube.context!r} in its "
                "`contexts` if they are, or leave the row out with a reason under `without`"
            )
        return kube

    def unasked(self, door: str) -> str:
        """Why nobody asks at a door that checks can do without."""
        return self.missing.get(door, "nobody named an account that only reads it")

    def _why(self, door: str, otherwise: str) -> str:
        return f"no {door} door: {self.missing.get(door, otherwise)}"

    def description(self) -> dict[str, JsonValue]:
        """For the evidence: where everything is, without a secret."""
        return {
            "kind": self.kind,
            "namespace": self.names.namespace,
            "context": self.kube.context if self.kube else None,
            "front": self.front.url if self.front else None,
            "service": self.service_url,
            "sql": repr(self.sql) if self.sql else None,
            "bucket": repr(self.bucket) if self.bucket else None,
            "made_here": self.made_here,
            "disruption_allowed": self.disruption_allowed,
            "own": self.own,
        }
