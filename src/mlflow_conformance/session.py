# SPDX-License-Identifier: Apache-2.0
"""Opens the target that the options name, whichever kind it is, and closes it again."""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import JsonValue

from mlflow_conformance.clients.http import NoReply, send
from mlflow_conformance.clients.kube import Kube
from mlflow_conformance.errors import Unusable
from mlflow_conformance.mutation import Mutant, broken, find
from mlflow_conformance.run import Run
from mlflow_conformance.stand import standing
from mlflow_conformance.target.attached import open_target
from mlflow_conformance.target.base import Target, TargetKind
from mlflow_conformance.target.local import local_target


@dataclass(frozen=True)
class TargetOptions:
    """Which target a run uses and what it may do to it."""

    kind: TargetKind
    context: str | None
    namespace: str | None
    kubeconfig: Path
    tracking_uris: tuple[str, ...]
    sql_dsn: str | None
    s3_door: dict[str, str] | None
    s3_prefix: str
    may_disrupt: bool
    keep: bool
    reuse: bool
    mutant: Mutant | None

    @classmethod
    def from_options(cls, option: argparse.Namespace, known_ids: Mapping[str, object]) -> Self:
        """Read pytest's options.

        Raises:
            Unusable: options that contradict each other.
        """
        attached = option.context is not None
        local = bool(option.tracking_uri)
        if attached and local:
            raise Unusable(
                "--context and --tracking-uri name two targets", remedy="Give one of the two"
            )
        if (attached or local) and (option.keep or option.reuse):
            raise Unusable(
                "--keep and --reuse are about a cluster that this program makes",
                remedy="Leave them out when attaching to something that exists",
            )
        if option.namespace and not attached:
            raise Unusable(
                "--namespace is about an existing cluster, and --context names none",
                remedy="Add --context",
            )
        if local and option.allow_disruption:
            raise Unusable(
                "--allow-disruption is about a cluster, and --tracking-uri names a server",
                remedy="Leave it out, or attach with --context",
            )
        for uri in option.tracking_uri:
            if urlsplit(uri).scheme not in ("http", "https") or not urlsplit(uri).hostname:
                raise Unusable(
                    f"{uri!r} is no tracking URI", remedy="Give one such as http://localhost:5000"
                )
        config = option.target_kubeconfig or Path(
            os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
        )
        return cls(
            kind="context" if attached else "local" if local else "kind",
            context=option.context,
            namespace=option.namespace,
            kubeconfig=config.expanduser(),
            tracking_uris=tuple(uri.rstrip("/") for uri in option.tracking_uri),
            sql_dsn=option.sql_dsn,
            s3_door=_s3_door(option) if option.s3_bucket else None,
            s3_prefix=option.s3_prefix,
            may_disrupt=not (attached or local) or option.allow_disruption,
            keep=option.keep or option.reuse,
            reuse=option.reuse,
            mutant=find(option.mutant, known_ids) if option.mutant else None,
        )

    def description(self) -> dict[str, JsonValue]:
        """For the evidence: which target, without a secret."""
        return {
            "kind": self.kind,
            "context": self.context,
            "namespace": self.namespace,
            "tracking_uris": list(self.tracking_uris),
            "may_disrupt": self.may_disrupt,
            "mutant": self.mutant.name if self.mutant else None,
        }


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


@contextmanager
def opened(options: TargetOptions, run: Run) -> Iterator[Target]:
    """The target, for as long as the run lasts; `run.target` names it.

    Raises:
        Unusable: it cannot be reached, made, or broken as the mutant says.
    """
    with ExitStack() as stack:
        if options.kind == "local":
            target = _local(options, run)
        elif options.kind == "context":
            target = stack.enter_context(_attached(options, run))
        else:
            target = stack.enter_context(standing(options, run))
        if options.mutant:
            target = stack.enter_context(broken(target, options.mutant, run))
        run.target = target
        try:
            yield target
        finally:
            run.target = None


def _local(options: TargetOptions, run: Run) -> Target:
    dsn: dict[str, str | int] | None = None
    if options.sql_dsn:
        try:
            dsn = {k: v for k, v in conninfo_to_dict(options.sql_dsn).items() if v is not None}
        except ProgrammingError as problem:
            raise Unusable(
                f"--sql-dsn is no connection string: {problem}",
                remedy="Give one such as postgresql://reader@localhost:5432/mlflow",
            ) from problem
        if dsn.get("password"):
            _conceal(run, str(dsn["password"]), "The password in --sql-dsn")
    if options.s3_door:
        _conceal(run, options.s3_door["secret_key"], "AWS_SECRET_ACCESS_KEY")
    for uri in options.tracking_uris:
        _require_server(uri, run.waiter.seconds("api reply"))
    return local_target(
        options.tracking_uris, sql_dsn=dsn, s3_door=options.s3_door, s3_prefix=options.s3_prefix
    )


def _conceal(run: Run, secret: str, what: str) -> None:
    try:
        run.log.conceal(secret)
    except ValueError as problem:
        raise Unusable(
            f"{what} could not be kept out of the reports: {problem}",
            remedy="Use an account with a longer one",
        ) from problem


def _require_server(uri: str, timeout_s: float) -> None:
    try:
        send("GET", f"{uri}/health", headers={}, body=None, timeout_s=timeout_s)
    except NoReply as problem:
        raise Unusable(
            f"No server answers at {uri}: {problem}",
            remedy="Start it, or correct --tracking-uri",
        ) from problem


@contextmanager
def _attached(options: TargetOptions, run: Run) -> Iterator[Target]:
    names = run.loaded.profile.names
    if options.namespace:
        names = names.model_copy(update={"namespace": options.namespace})
    assert options.context is not None
    kube = Kube(options.kubeconfig, options.context, names.namespace)
    with open_target(
        kube,
        names,
        kind="context",
        disruption_allowed=options.may_disrupt,
        keep_runner=False,
        waiter=run.waiter,
        log=run.log,
    ) as target:
        yield target
