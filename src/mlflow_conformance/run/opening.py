# SPDX-License-Identifier: Apache-2.0
"""Opens the target that the options name, whichever kind it is, and closes it again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.doors.http import NoReply, send
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.mutants.breaking import broken
from mlflow_conformance.run.agent import OPERATIONS
from mlflow_conformance.run.session import TargetOptions
from mlflow_conformance.stand.standing import standing
from mlflow_conformance.target.attached import open_target, read_only_target
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.basics import judged
from mlflow_conformance.target.local import local_target


@dataclass(frozen=True)
class Ground:
    """What a run holds, and opens a target on as often as it needs one.

    Attributes:
        opened: the target with all its doors open, which closes them in the end.
        renew: makes the deployment anew; None where this program did not make it.
    """

    opened: Callable[[], AbstractContextManager[Target]]
    renew: Callable[[], None] | None = None


@contextmanager
def ground(options: TargetOptions, run: Run) -> Iterator[Ground]:
    """What the options name, held for as long as the run lasts.

    Raises:
        Unusable: it cannot be reached or made.
    """
    if options.kind == "local":
        target = _local(options, run)
        yield Ground(lambda: nullcontext(target))
    elif options.kind == "context":
        yield Ground(partial(_attached, options, run))
    else:
        with standing(options.stand, run) as stand:
            yield Ground(stand.opened, stand.renew)


@contextmanager
def opened(options: TargetOptions, run: Run) -> Iterator[Target]:
    """The target, for as long as the run lasts.

    Raises:
        Unusable: it cannot be reached, made, or broken as the mutant says.
    """
    with ground(options, run) as held, held.opened() as target:
        if options.breakage is None:
            yield target
            return
        with broken(target, options.breakage.by, run.waiter) as mutated:
            yield mutated


def _local(options: TargetOptions, run: Run) -> Target:
    for uri in options.tracking_uris:
        _require_server(uri, run.waiter.seconds("api reply"))
    return local_target(
        options.tracking_uris,
        LocalInside(OPERATIONS),
        sql_dsn=options.sql_dsn,
        s3_door=options.s3_door,
        s3_prefix=options.s3_prefix,
    )


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
    profile = run.loaded.profile
    names = profile.names
    if options.namespace:
        names = names.model_copy(update={"namespace": options.namespace})
    assert options.context is not None
    kube = Kube(options.kubeconfig, options.context, names.namespace, read_only=options.read_only)
    if options.read_only:
        yield read_only_target(kube, names, run.log)
        return
    with open_target(
        kube,
        names,
        kind="context",
        disruption_allowed=options.may_disrupt,
        own=options.context in profile.contexts and names.namespace == profile.names.namespace,
        keep_runner=False,
        waiter=run.waiter,
        log=run.log,
        run_id=run.run_id,
    ) as target:
        with run.phase("what everything stands on") as note:
            basics = judged(target, run.waiter)
            note.detail = str(basics)
        for door, why in basics.closed.items():
            said = run.log.concealed(why)
            tell(f"the door {door} does not stand, and what needs it is unknown: {said}")
        yield basics.target
