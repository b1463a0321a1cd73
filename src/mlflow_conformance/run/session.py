# SPDX-License-Identifier: Apache-2.0
"""Which target a run uses, and what it may do to it, as the options say."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

from mlflow_conformance.cluster.kubeconfig import kubeconfig_of
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import SHORTEST_SECRET
from mlflow_conformance.mutants.mutant import Breakage, find
from mlflow_conformance.stand.revision import Upgrading
from mlflow_conformance.stand.standing import StandOptions
from mlflow_conformance.target.base import TargetKind


@dataclass(frozen=True)
class TargetOptions:
    """Which target a run uses and what it may do to it.

    Attributes:
        may_disrupt: whether checks may disturb the deployment.
        is_choice: that they may not is a choice, and not want of permission.
        read_only: the run writes to nothing.
        mutant: what breaks the target, as it was named.
        breakage: what that breaks.
        secrets: what of the options must not be in the evidence, nor in the command it records.
    """

    kind: TargetKind
    context: str | None
    namespace: str | None
    kubeconfig: Path
    tracking_uris: tuple[str, ...]
    sql_dsn: dict[str, str | int] | None = field(repr=False)
    s3_door: dict[str, str] | None = field(repr=False)
    s3_prefix: str
    may_disrupt: bool
    is_choice: bool
    read_only: bool
    stand: StandOptions
    mutant: str | None
    breakage: Breakage | None
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_options(
        cls,
        option: argparse.Namespace,
        known_ids: Mapping[str, object],
        upgrade: Upgrading | None = None,
    ) -> Self:
        """Read pytest's options.

        Args:
            upgrade: what they say of an upgrade.

        Raises:
            Unusable: options that contradict each other.
        """
        attached = option.context is not None
        local = bool(option.tracking_uri)
        if attached and local:
            raise Unusable(
                "--context and --tracking-uri name two targets", remedy="Give one of the two"
            )
        if (attached or local) and (option.keep or option.reuse or option.prepared):
            raise Unusable(
                "--keep, --reuse and --prepared are about a cluster that this program makes",
                remedy="Leave them out when attaching to something that exists",
            )
        if option.namespace and not attached:
            raise Unusable(
                "--namespace is about an existing cluster, and --context names none",
                remedy="Add --context",
            )
        if (attached or local) and upgrade:
            raise Unusable(
                "An upgrade is tried on a cluster that this program makes",
                remedy="Leave --context and --tracking-uri out; `upgrade --context … --plan` says "
                "what would be tried there",
            )
        if local and option.allow_disruption:
            raise Unusable(
                "--allow-disruption is about a cluster, and --tracking-uri names a server",
                remedy="Leave it out, or attach with --context",
            )
        if option.allow_disruption and option.without_disruption:
            raise Unusable(
                "--allow-disruption and --without-disruption contradict each other",
                remedy="Give one of the two",
            )
        if option.read_only and (not attached or option.allow_disruption or option.mutant):
            raise Unusable(
                "--read-only is about a cluster that exists, which nothing may be done to",
                remedy="Add --context, and leave --allow-disruption and --mutant out",
            )
        if not local and (option.sql_dsn or option.s3_bucket):
            raise Unusable(
                "--sql-dsn and --s3-bucket belong to a server, and --tracking-uri names none",
                remedy="Add --tracking-uri; in a cluster the profile says where both are",
            )
        if option.s3_prefix and not option.s3_bucket:
            raise Unusable(
                "--s3-prefix is about a bucket, and --s3-bucket names none",
                remedy="Add --s3-bucket",
            )
        if option.rounds and (attached or option.mutant):
            raise Unusable(
                "--rounds says what each of them is broken by, on a cluster of our own",
                remedy="Leave --context and --mutant out",
            )
        dsn = _dsn(option.sql_dsn) if option.sql_dsn else None
        door = _s3_door(option) if option.s3_bucket else None
        secrets = [
            *(_password(uri) for uri in option.tracking_uri),
            option.sql_dsn,
            str(dsn["password"]) if dsn and dsn.get("password") else None,
            door["secret_key"] if door else None,
        ]
        return cls(
            kind="context" if attached else "local" if local else "kind",
            context=option.context,
            namespace=option.namespace,
            kubeconfig=kubeconfig_of(option.target_kubeconfig, option.context),
            tracking_uris=tuple(uri.rstrip("/") for uri in option.tracking_uri),
            sql_dsn=dsn,
            s3_door=door,
            s3_prefix=option.s3_prefix,
            may_disrupt=option.allow_disruption
            or not (attached or local or option.without_disruption),
            is_choice=local or option.without_disruption or option.read_only,
            read_only=option.read_only,
            stand=StandOptions(
                keep=option.keep or option.reuse or option.prepared,
                reuse=option.reuse or option.prepared,
                prepared=option.prepared,
                upgrade=upgrade,
            ),
            mutant=option.mutant,
            breakage=find(option.mutant, known_ids) if option.mutant is not None else None,
            secrets=tuple(_concealable(secret) for secret in secrets if secret),
        )

    def description(self) -> dict[str, JsonValue]:
        """For the evidence: which target, without a secret."""
        up = self.stand.upgrade
        return {
            "kind": self.kind,
            "context": self.context,
            "namespace": self.namespace,
            "tracking_uris": list(self.tracking_uris),
            "may_disrupt": self.may_disrupt,
            "without_disruption": self.is_choice,
            "read_only": self.read_only,
            "mutant": self.mutant,
            **({"upgrade": {"from": up.a.spelled, "to": up.b.spelled}} if up else {}),
        }


def _password(uri: str) -> str | None:
    """The password in a tracking URI.

    Raises:
        Unusable: it is no tracking URI.
    """
    try:
        parts = urlsplit(uri)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Unusable(
            f"{uri!r} is no tracking URI", remedy="Give one such as http://localhost:5000"
        )
    return unquote(parts.password) if parts.password else None


def _concealable(secret: str) -> str:
    if len(secret) < SHORTEST_SECRET:
        raise Unusable(
            f"A password of fewer than {SHORTEST_SECRET} characters cannot be kept out of the "
            "reports",
            remedy="Use an account with a longer one",
        )
    return secret


def _dsn(text: str) -> dict[str, str | int]:
    # Here and not above: few runs have one.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {k: v for k, v in conninfo_to_dict(text).items() if v is not None}
    except ProgrammingError as problem:
        # libpq's message quotes the string, which can hold a password.
        raise Unusable(
            "--sql-dsn is no connection string",
            remedy="Give one such as postgresql://reader@localhost:5432/mlflow",
        ) from problem


def _s3_door(option: argparse.Namespace) -> dict[str, str]:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if absent := [k for k in keys if not os.environ.get(k)]:
        raise Unusable(
            f"--s3-bucket is given and {' and '.join(absent)} not set",
            remedy="Export the credentials of an account that may read the bucket",
        )
    return {
        "endpoint": option.s3_endpoint,
        "region": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        "bucket": option.s3_bucket,
        "access_key": os.environ["AWS_ACCESS_KEY_ID"],
        "secret_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }
