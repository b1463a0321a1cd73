# SPDX-License-Identifier: Apache-2.0
"""Statements that change MLflow's database for a while, as the role that owns its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kept import insisted
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import NotNow, Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target

# In MLflow's own container, which has the address, the password and the driver.
_EXECUTE = """
import json, os, sys
told = {"refused": "", "state": None}
try:
    import sqlalchemy
    engine = sqlalchemy.create_engine(os.environ["MLFLOW_BACKEND_STORE_URI"])
    with engine.begin() as connection:
        connection.exec_driver_sql(sys.stdin.read().replace("%", "%%"))
except Exception as problem:
    told["refused"] = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, sqlalchemy.exc.DBAPIError):
        own = problem.orig
        told["state"] = getattr(own, "sqlstate", None) or getattr(own, "pgcode", None) or ""
print(json.dumps(told))
"""
_PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that are about the server, its connections and others who use it
(https://www.postgresql.org/docs/current/errcodes-appendix.html); the rest are about a statement."""


@contextmanager
def executed(target: Target, do: str, undo: str, waiter: Waiter) -> Iterator[None]:
    """The database changed by statements for as long as the context lasts.

    `undo` takes them back, however the context ends; Ctrl-C and SIGTERM wait until it is done. It
    is said again for a while when the database is not there to hear it, or is lost before it
    answered: it must come to the same when it is said twice.

    Raises:
        NotNow: no pod of MLflow is ready, or the database did not answer.
        Unusable: the database refused a statement.
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
        NotNow: no pod of MLflow is ready, or the database did not answer; where the connection
            was lost, the statements may have been carried out.
        Unusable: the database refused a statement.
    """
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        raise NotNow("No pod of MLflow is ready", remedy="See what keeps it, and run it again")
    try:
        told = kube.exec_json(
            ready[0].name, "python", "-c", _EXECUTE,
            container=names.container, stdin=statements.encode(),
        )  # fmt: skip
    except KubeFailed as problem:
        raise NotNow(
            f"Statements for the database could not be sent from a pod of MLflow: {problem}",
            remedy="See what its pods say, and run it again",
        ) from problem
    refused, state = told["refused"], told["state"]
    # The driver's own errors have no SQLSTATE: the server sent none.
    if state == "" or (state or "").startswith(_PASSING):
        raise NotNow(
            f"The database did not carry out statements that change it for a while: {refused}",
            remedy="See what it says, and run it again",
        )
    if refused:
        raise Unusable(
            f"The database refused statements that change it for a while: {refused}",
            remedy="Leave out the check or the mutant that has them, for this deployment",
        )
