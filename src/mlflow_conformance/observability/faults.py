# SPDX-License-Identifier: Apache-2.0
"""What alerts are about, made for a while: each fault is in effect in the body of its context."""

import math
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from mlflow_conformance.cluster.kept import insisted
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import BackupNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed
from mlflow_conformance.target.statements import executed

_CONNECTIONS = "SELECT sum(numbackends)::int FROM pg_stat_database"
_HOLD = """
import os, sys, time, sqlalchemy
engine = sqlalchemy.create_engine(
    os.environ["MLFLOW_BACKEND_STORE_URI"],
    poolclass=sqlalchemy.pool.NullPool,
)
held = [engine.connect() for _ in range(int(sys.argv[1]))]
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end and not os.path.exists(sys.argv[3]):
    time.sleep(0.2)
"""
_SLOW = """
ALTER TABLE registered_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE registered_models FORCE ROW LEVEL SECURITY;
CREATE POLICY conformance_slow ON registered_models
  USING ((SELECT true FROM pg_sleep({seconds:g})));
"""
_QUICK = """
DROP POLICY IF EXISTS conformance_slow ON registered_models;
ALTER TABLE registered_models NO FORCE ROW LEVEL SECURITY;
ALTER TABLE registered_models DISABLE ROW LEVEL SECURITY;
"""


@contextmanager
def no_server(target: Target, waiter: Waiter) -> Iterator[None]:
    """MLflow has no pod.

    Raises:
        Undecided: it still has one that is ready.
        Unusable: it could not be put back.
    """
    names, kube = target.names.mlflow, target.need_kube()
    none = ObjectChange(kind=names.kind, name=names.deployment, patch={"spec": {"replicas": 0}})
    with changed(target, [none], waiter):
        if left := kube.ready_pods(names.selector):
            raise Undecided(f"MLflow was to have no pod, and {left[0].name} is ready")
        yield


@contextmanager
def no_database(target: Target, waiter: Waiter) -> Iterator[None]:
    """PostgreSQL has no pod.

    Raises:
        Undecided: it is not in the namespace, or still has a pod that is ready.
        Unusable: it could not be put back.
    """
    _, selector = _database(target)
    none = ObjectChange(kind="statefulset", name="{postgresql}", patch={"spec": {"replicas": 0}})
    with changed(target, [none], waiter):
        if left := target.need_kube().ready_pods(selector):
            raise Undecided(f"PostgreSQL was to have no pod, and {left[0].name} is ready")
        yield


@contextmanager
def slow_models(target: Target, seconds: float, waiter: Waiter) -> Iterator[None]:
    """Every statement that reads registered models takes some seconds longer.

    By a policy of row-level security, which PostgreSQL evaluates once for each statement that
    meets a row.

    Raises:
        Unusable: the database refused it, or it could not be taken back.
    """
    with executed(target, _SLOW.format(seconds=seconds), _QUICK, waiter):
        yield


@contextmanager
def full_database(
    target: Target, sql: Sql, limit: int, share: float, waiter: Waiter
) -> Iterator[None]:
    """PostgreSQL allows few connections, and this share of them is open.

    Raises:
        Undecided: it is not in the namespace, or connections could not be opened.
        Unusable: it could not be put back.
    """
    name, _ = _database(target)
    spec = target.need_kube().get("statefulset", name)["spec"]["template"]["spec"]
    arguments = spec["containers"][0].get("args") or []
    few = ObjectChange(
        kind="statefulset",
        name="{postgresql}",
        patch_type="json",
        json_patch=[
            {
                "op": "add",
                "path": "/spec/template/spec/containers/0/args",
                "value": [*arguments, "-c", f"max_connections={limit}"],
            }
        ],
    )
    with changed(target, [few], waiter):
        waiter.until(
            f"allowing {limit} connections: PostgreSQL",
            lambda: _told(sql, "SHOW max_connections"),
            done=lambda found: found == limit,
            timeout="api reply",
        )
        wanted = math.ceil(limit * share)
        with _held(target, wanted - (_told(sql, _CONNECTIONS) or 0), waiter):
            waiter.until(
                f"open: {wanted} connections",
                lambda: _told(sql, _CONNECTIONS),
                done=lambda count: count is not None and count >= wanted,
                timeout="connections open",
            )
            yield


def _told(sql: Sql, query: str) -> int | None:
    """A number that PostgreSQL tells; None while it has just been started, and does not answer."""
    try:
        return int(sql.one(query))
    except InsideFailed:
        return None


@contextmanager
def _held(target: Target, connections: int, waiter: Waiter) -> Iterator[None]:
    """So many connections are open, by MLflow's own account and from one of its pods."""
    kube, names = target.need_kube(), target.names.mlflow
    pod = kube.ready_pods(names.selector, container=names.container)[0].name
    seconds = waiter.seconds("connections held")
    over = f"/tmp/conformance-{secrets.token_hex(8)}"  # noqa: S108 - of the pod, and a mere sign

    def hold() -> None:
        kube.exec(
            pod, "python", "-c", _HOLD, str(connections), str(seconds), over,
            container=names.container, timeout_s=2 * seconds,
        )  # fmt: skip

    def let_go() -> None:
        # By a file: PostgreSQL may have no connection left by which it could be told.
        kube.exec(pod, "touch", over, container=names.container)

    with ThreadPoolExecutor(1) as pool:
        try:
            holding = pool.submit(hold)
            yield
        finally:
            with uninterrupted():
                insisted("connections", let_go, waiter)
        holding.result()


@contextmanager
def failed_backup(
    kube: Kube, names: BackupNames, job: str, environment: Mapping[str, str], waiter: Waiter
) -> Iterator[None]:
    """A backup has failed; its Job is there as long as the body runs.

    Args:
        job: what it is called.
        environment: in which a backup fails.

    Raises:
        Undecided: it did not fail.
        KubeFailed: there is no such CronJob.
    """
    try:
        kube.apply([_failing(kube, names, job, environment)])
        made = jobs.at_end(kube, job, waiter, "backup finished")
        if made.outcome != "failed":
            raise Undecided(f"a backup was to fail, and it is {made.outcome}: {made.sentence}")
        yield
    finally:
        jobs.remove(kube, [job])


def _failing(
    kube: Kube, names: BackupNames, job: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    cronjob = kube.get("cronjob", names.cronjob)
    template = cronjob["spec"]["jobTemplate"]
    made = jobs.like(
        {**template, "metadata": {**cronjob["metadata"], **template.get("metadata", {})}}, job, {}
    )
    # As `kubectl create job --from=cronjob/…` makes it.
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": names.cronjob,
            "uid": cronjob["metadata"]["uid"],
        }
    ]
    made["spec"]["backoffLimit"] = 0
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [e for e in container.get("env", []) if e["name"] not in environment] + [
        {"name": key, "value": value} for key, value in environment.items()
    ]
    return made


@contextmanager
def no_backup_for(kube: Kube, names: BackupNames, by_s: float, waiter: Waiter) -> Iterator[None]:
    """The cluster says that the last good backup was this long ago, until the next good one.

    Jobs of good backups go, for the controller of CronJobs would read its time from them.

    Raises:
        KubeFailed: the API server refused.
    """
    cronjob = kube.get("cronjob", names.cronjob)
    before = (cronjob.get("status") or {}).get("lastSuccessfulTime")
    uid = cronjob["metadata"]["uid"]
    good = [
        item["metadata"]["name"]
        for item in kube.items("job")
        if jobs.outcome_of(item) == "complete"
        and any(o["uid"] == uid for o in item["metadata"].get("ownerReferences") or [])
    ]
    jobs.remove(kube, good)
    then = f"{datetime.now(UTC) - timedelta(seconds=by_s):%Y-%m-%dT%H:%M:%SZ}"

    def say(time: str | None) -> None:
        status = {"status": {"lastSuccessfulTime": time}}
        kube.patch("cronjob", names.cronjob, status, how="merge", subresource="status")

    def say_before() -> None:
        if kube.get("cronjob", names.cronjob)["status"].get("lastSuccessfulTime") == then:
            say(before)

    try:
        say(then)
        yield
    finally:
        with uninterrupted():
            insisted("when the last good backup was", say_before, waiter)


def _database(target: Target) -> tuple[str, dict[str, str]]:
    """The name of its Service and of what makes its pods, and their labels."""
    names = target.names.postgresql
    if names is None or names.service is None or not names.selector:
        raise Undecided("PostgreSQL is not in the namespace, and no fault of it can be made")
    return names.service, names.selector
