# SPDX-License-Identifier: Apache-2.0
"""A namespace that is lost with all that was in it, and made again by the documented lines."""

import time
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from mlflow_conformance.cluster.kept import keep, put_back
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import LostNames
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.backups.lines import Lines

_LINE_S = 120
_INSTALLED_S = 60
"""How much longer the line that installs may take than a deployment to become ready."""


@dataclass(frozen=True)
class Remade:
    """A namespace in the place of one that was lost.

    Attributes:
        uids: of the namespace, before and after; the latter is empty when there is none.
        problems: what the documented lines ended with, and what they said, when that is not 0.
        seconds: from the first line after the loss to the end of the last.
        ours: Secrets by which this suite reaches the deployment, which were put back, too.
    """

    uids: tuple[str, str]
    problems: list[str]
    seconds: float
    ours: list[str]


def remade(kube: Kube, names: Names, lost: LostNames, lines: Lines, waiter: Waiter) -> Remade:
    """Keep what is documented, delete the namespace, and make and fill it again.

    Everything in it is lost but what the documented lines keep, and the Secrets of this suite's
    own ways in. Ctrl-C and SIGTERM wait until it is filled again.

    Raises:
        Undecided: what is to be kept could not be; nothing was deleted.
        KubeFailed: the API server refused.
        TimedOut: the namespace did not go in time.
    """
    with TemporaryDirectory(prefix="mlflow-conformance-") as folder, uninterrupted():
        kept = lines.run(lost.keep, timeout_s=_LINE_S, folder=folder)
        if kept.code != 0:
            raise Undecided(f"nothing was deleted, for nothing was kept: {kept.tail}")
        ours = [keep(kube, "secret", name) for name in _ways_in(names)]
        before = _uid(kube)
        kube.delete("namespace", kube.namespace)
        waiter.until(
            f"gone: namespace {kube.namespace}",
            lambda: _uid(kube),
            done=lambda uid: not uid,
            timeout="namespace gone",
        )
        started = time.monotonic()
        made = lines.run(lost.namespace, timeout_s=_LINE_S, folder=folder)
        after = _uid(kube)
        if after:
            for secret in ours:
                put_back(kube, secret, waiter)
        installed = lines.run(
            lost.install,
            timeout_s=waiter.seconds("deployment ready") + _INSTALLED_S,
            folder=folder,
        )
        return Remade(
            uids=(before, after),
            problems=[
                f"{what}: {done.problem}"
                for what, done in (("namespace", made), ("install", installed))
                if done.problem
            ],
            seconds=time.monotonic() - started,
            ours=[secret["metadata"]["name"] for secret in ours],
        )


def _ways_in(names: Names) -> list[str]:
    """Secrets that this suite reads when it opens its doors, and not again."""
    named = [
        names.auditor.secret if names.auditor else None,
        names.front.ca_secret if names.front else None,
        names.s3.ca_secret if names.s3 else None,
    ]
    return sorted({name for name in named if name})


def _uid(kube: Kube) -> str:
    found = kube.find("namespace", kube.namespace)
    return str(found["metadata"]["uid"]) if found else ""
