# SPDX-License-Identifier: Apache-2.0
"""Statements that change a real PostgreSQL for a while, when connections are lost as well."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

import processes
import shipped
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kubectl import Kubectl
from mlflow_conformance.core.errors import NotNow, Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.observability.doses import failing_models
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.statements import execute, executed

WAITER = Waiter(10)  # every act is a new Python process, which a busy machine starts slowly
WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
WITH_SQL = sorted(n for n, mutant in shipped.mutants().items() if mutant.spec.by.sql is not None)


@dataclass
class _Here:
    """A pod of MLflow whose container is this machine.

    Attributes:
        uri: what its environment says of the database.
        pods: whose names are ready, one list for each time that somebody asks; the last one stays.
    """

    uri: str
    pods: list[list[str]] = field(default_factory=lambda: [["mlflow-0"]])
    namespace: str = "mlflow"

    def ready_pods(self, _selector: object, *, container: str) -> list[Any]:
        assert container == "mlflow"
        now = self.pods.pop(0) if len(self.pods) > 1 else self.pods[0]
        return [SimpleNamespace(name=name) for name in now]

    def exec(
        self, _pod: str, _python: str, *arguments: str, container: str, stdin: bytes, **_: object
    ) -> str:
        assert container == "mlflow"
        done = subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env={"MLFLOW_BACKEND_STORE_URI": self.uri},
        )
        if done.returncode != 0:
            raise KubeFailed(done.stderr.decode())
        return done.stdout.decode()

    exec_json = Kubectl.exec_json


NAMES = cast(Any, SimpleNamespace(selector={"app": "mlflow"}, container="mlflow"))


def target(kube: _Here) -> Target:
    return cast(
        Target, SimpleNamespace(need_kube=lambda: kube, names=SimpleNamespace(mlflow=NAMES))
    )


@pytest.fixture(scope="module")
def server() -> Iterator[processes.Postgresql]:
    """A database with MLflow's own tables, and that of its accounts."""
    with processes.open_folder() as folder, processes.postgresql(folder, WAITER) as running:
        migrate = [sys.executable, "-m", "mlflow", "db", "upgrade", running.uri]
        subprocess.run(migrate, check=True, capture_output=True)
        with psycopg.connect(running.address) as owner:
            # Its own migrations are in a package that MLflow does without where nobody signs in.
            owner.execute("CREATE TABLE users (username text, is_admin boolean)")
        yield running


@pytest.fixture
def owner(server: processes.Postgresql) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.address, autocommit=True) as connection:
        yield connection


def test_an_undo_whose_connection_is_lost_is_said_again(
    server: processes.Postgresql, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("CREATE TABLE IF NOT EXISTS touched (of text)")

    def end_the_first() -> None:
        with psycopg.connect(server.address, autocommit=True) as fault:
            try:
                (pid,) = WAITER.until(
                    "waiting: the undo",
                    lambda: fault.execute(WAITS).fetchone() or (),
                    done=bool,
                    timeout="api reply",
                    interval_s=0.1,
                )
                fault.execute("SELECT pg_terminate_backend(%s)", (pid,))
            finally:
                holder.rollback()

    with psycopg.connect(server.address) as holder, ThreadPoolExecutor(1) as pool:
        with executed(
            target(_Here(server.uri)),
            "INSERT INTO touched VALUES ('100%')",
            "DELETE FROM touched",
            WAITER,
        ):
            assert owner.execute("SELECT of FROM touched").fetchall() == [("100%",)]
            holder.execute("LOCK TABLE touched")
            ending = pool.submit(end_the_first)
        ending.result()
    assert owner.execute("SELECT count(*) FROM touched").fetchone() == (0,)


def test_an_undo_waits_for_a_pod_that_is_ready(
    server: processes.Postgresql, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("CREATE TABLE IF NOT EXISTS touched (of text)")
    kube = _Here(server.uri, [["mlflow-0"], [], [], ["mlflow-1"]])
    with executed(target(kube), "INSERT INTO touched VALUES ('x')", "DELETE FROM touched", WAITER):
        pass
    assert kube.pods == [["mlflow-1"]]
    assert owner.execute("SELECT count(*) FROM touched").fetchone() == (0,)


def test_what_is_refused_is_no_lost_connection(server: processes.Postgresql) -> None:
    kube = cast(Any, _Here(server.uri))
    with pytest.raises(Unusable, match='relation "of_nobody" does not exist') as refused:
        execute(kube, NAMES, "DELETE FROM of_nobody")
    assert not isinstance(refused.value, NotNow)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        (lambda uri: f"{uri.rpartition(':')[0]}:1/mlflow", "did not carry out"),
        (lambda uri: f"{uri}_of_nobody", "did not carry out"),
        (lambda _: "nothing-that-is-an-address", "refused statements"),
    ],
)
def test_a_database_that_is_not_there(
    server: processes.Postgresql, uri: Callable[[str], str], says: str
) -> None:
    kube = cast(Any, _Here(uri(server.uri)))
    with pytest.raises(Unusable, match=says) as problem:
        execute(kube, NAMES, "SELECT 1")
    assert isinstance(problem.value, NotNow) == (says == "did not carry out")


def test_a_statement_that_meets_others(
    server: processes.Postgresql, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("CREATE TABLE IF NOT EXISTS touched (of text)")
    with psycopg.connect(server.address) as holder:
        holder.execute("LOCK TABLE touched")
        with pytest.raises(NotNow, match="LockNotAvailable"):
            execute(
                cast(Any, _Here(server.uri)), NAMES, "SET lock_timeout = 100; DELETE FROM touched"
            )


def test_a_pod_that_cannot_send_them(server: processes.Postgresql) -> None:
    class Away(_Here):
        def exec(self, *_: object, **__: object) -> str:
            raise KubeFailed("kubectl exec mlflow-0: connection refused")

    with pytest.raises(NotNow, match=r"could not be sent .* connection refused"):
        execute(cast(Any, Away(server.uri)), NAMES, "SELECT 1")


def test_what_is_made_to_fail_fails_for_the_owner_of_the_tables_and_nothing_else(
    server: processes.Postgresql, owner: psycopg.Connection[Any]
) -> None:
    """Row-level security does not hold for superusers, which MLflow's role is none of."""
    owner.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    owner.execute("ALTER SCHEMA public OWNER TO plain")
    for table in ("registered_models", "experiments"):
        owner.execute(f"ALTER TABLE {table} OWNER TO plain")
    owner.execute("INSERT INTO registered_models (name, creation_time) VALUES ('one', 0)")
    address = re.sub("//[^@]*@", "//plain:plain@", server.address)
    kube = _Here(re.sub("//[^@]*@", "//plain:plain@", server.uri))
    models = "SELECT count(*) FROM registered_models"
    with psycopg.connect(address, autocommit=True) as mlflow:
        with failing_models(target(kube), WAITER):
            with pytest.raises(psycopg.errors.CannotConnectNow, match="broken on purpose"):
                mlflow.execute(models)
            mlflow.execute("SELECT count(*) FROM experiments")
        assert mlflow.execute(models).fetchone() == (1,)
    assert owner.execute(
        "SELECT relrowsecurity OR relforcerowsecurity FROM pg_class WHERE relname = "
        "'registered_models'"
    ).fetchone() == (False,)
    assert owner.execute(
        "SELECT count(*) FROM pg_proc WHERE proname = 'conformance_failing'"
    ).fetchone() == (0,)
    owner.execute("DELETE FROM registered_models")


@pytest.mark.parametrize("name", WITH_SQL)
def test_the_undo_of_a_mutant_may_be_said_any_time(
    owner: psycopg.Connection[Any], name: str
) -> None:
    change = shipped.mutants()[name].spec.by.sql
    assert change is not None
    # The first: what comes when nothing was done, as the `do` was refused.
    for statements in (change.undo, change.do, change.undo, change.undo):
        with owner.transaction():
            owner.execute(statements.encode())
