# SPDX-License-Identifier: Apache-2.0
"""Statements that change MLflow's database for a while, as the role that owns its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kept import insisted
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target

# In MLflow's own container, which has the address, the password and the driver.
_EXECUTE = """
import os, sys, sqlalchemy
engine = sqlalchemy.create_engine(os.environ["MLFLOW_BACKEND_STORE_URI"])
with engine.begin() as connection:
    connection.exec_driver_sql(sys.stdin.read().replace("%", "%%"))
"""


@contextmanager
def executed(target: Target, do: str, undo: str, waiter: Waiter) -> Iterator[None]:
    """The database changed by statements for as long as the context lasts.

    `undo` takes them back, however the context ends; Ctrl-C and SIGTERM wait until it is done.

    Raises:
        Unusable: no pod of MLflow is ready, or the database refused a statement.
        Undecided: the target is not in a cluster.
    """
    kube, names = target.need_kube(), target.names.mlflow
    try:
        execute(kube, names, do)
        yield
    finally:
        with uninterrupted():
            insisted("the database", lambda: execute(kube, names, undo), waiter)


def execute(kube: Kube, names: MlflowNames, statements: str) -> None:
    """Carry out statements in one transaction.

    Raises:
        Unusable: no pod of MLflow is ready, or the database refused a statement.
    """
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        raise Unusable("No pod of MLflow is ready", remedy="See what keeps it, and run it again")
    try:
        kube.exec(
            ready[0].name, "python", "-c", _EXECUTE,
            container=names.container, stdin=statements.encode(),
        )  # fmt: skip
    except KubeFailed as problem:
        raise Unusable(
            f"The database refused statements that change it for a while: {problem}",
            remedy="Leave out the check or the mutant that has them, for this deployment",
        ) from problem
