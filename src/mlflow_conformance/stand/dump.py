# SPDX-License-Identifier: Apache-2.0
"""Somebody's own database, brought into a deployment that was made here."""

import subprocess
from pathlib import Path

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.shell import END_WITH_US

_PROGRAM = Path(__file__).parent / "in_pod" / "restore_dump.py"
_READ_S = 300.0
_RESTORE_S = 1800.0


def bring(kube: Kube, names: MlflowNames, dump: Path) -> None:
    """Replace what is in the database of a deployment by a dump.

    The dump is looked at before the database is touched, and restored in one transaction.

    Args:
        dump: as `pg_dump --format=custom` wrote it.

    Raises:
        Unusable: no pod is ready, or the dump is damaged, of another schema, or cannot be restored.
    """
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        raise Unusable(
            f"No pod of MLflow is ready in {kube.namespace}, so that {dump} cannot be restored",
            remedy="See what its pods say",
        )
    pod = ready[0].name
    needed = _run(kube, names, pod, "deployed", dump, within_s=_READ_S)
    found = _run(kube, names, pod, "revision", dump, within_s=_READ_S)
    if found != needed:
        raise Unusable(
            f"The dump {dump} has the schema {found or 'of no MLflow'}, and the version before the "
            f"upgrade has {needed}",
            remedy="Give the version that the dump is from as the one before the upgrade",
        )
    _run(kube, names, pod, "restore", dump, within_s=_RESTORE_S)


def _run(
    kube: Kube, names: MlflowNames, pod: str, what: str, dump: Path, *, within_s: float
) -> str:
    """Run the program in a pod, with the dump at its standard input."""
    argv = kube.argv(
        "exec", "-i", pod, f"--container={names.container}", "--",
        "python", "-c", _PROGRAM.read_text(encoding="utf-8"), what,
    )  # fmt: skip
    try:
        with dump.open("rb") as file:
            done = subprocess.run(
                (*END_WITH_US, *argv),
                stdin=file,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=within_s,
                check=False,
            )
    except subprocess.TimeoutExpired as problem:
        raise Unusable(
            f"The dump {dump} was not restored within {within_s:.0f} s",
            remedy="Give a smaller one",
        ) from problem
    if done.returncode != 0:
        raise Unusable(
            f"The dump {dump} cannot be used: {ending(done.stderr)}",
            remedy="Make it anew with `pg_dump --format=custom`",
        )
    return done.stdout.strip()
