# SPDX-License-Identifier: Apache-2.0
"""Copies of the live database, on a PostgreSQL of their own.

The live server is asked for one dump and nothing else: copies are made, migrated, loaded and
thrown away without a lock, a connection or a byte of its disk. The other server is a bare pod of
the live one's image and labels (so that the network policies let MLflow's pods reach it), without
its volume; a readiness gate that nobody sets keeps it out of the Service.
"""

import copy
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import main_container
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade.bare import bare_pod, containers_ready

ADDRESS = "MLFLOW_BACKEND_STORE_URI"
"""The variable by which MLflow is told its database."""
_POD = "mlflow-conformance-postgresql"
_ROLE, _PORT, _ROOM = "pair", 5432, "/pair"
_SEED = "seed"
"""The database that every copy is made from; nobody connects to it."""
_SETTINGS = (
    "shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem",
    "max_connections", "max_wal_size", "checkpoint_completion_target", "synchronous_commit",
    "random_page_cost",
)  # fmt: skip
_START = """
set -eu
umask 077
printf %s "$PAIR_PASSWORD" >{room}/password
unset PAIR_PASSWORD
initdb --pgdata={room}/data --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
  --auth=scram-sha-256 --pwfile={room}/password >/dev/null
rm {room}/password
echo "host all all all scram-sha-256" >>{room}/data/pg_hba.conf
exec postgres -D {room}/data -c listen_addresses='*' -c port={port} \
  -c unix_socket_directories={room} "$@"
"""
# The password comes on the first line of standard input: it shows in no list of processes.
_AS_ROLE = 'read -r PGPASSWORD; export PGPASSWORD; exec "$@"'
_DUMP_S = 900


@dataclass(frozen=True)
class Copies:
    """The server of the copies, ready, with the seed in it.

    Attributes:
        pod: its pod, in the deployment's namespace.
        secret: the Secret that holds the addresses of copies, by the copies' names.
    """

    kube: Kube
    pod: str
    address: str
    secret: str
    password: str = field(repr=False)

    def make(self, name: str) -> str:
        """A new copy of the seed; returns its name, which is its key in the Secret as well.

        Args:
            name: a word in lower case, the database's name.

        Raises:
            KubeFailed: there is one already, or the server refused.
        """
        self._sql(f'CREATE DATABASE "{name}" OWNER {_ROLE} TEMPLATE {_SEED}')
        uri = (
            f"postgresql+psycopg2://{_ROLE}:{self.password}@{self.address}:{_PORT}/{name}"
            "?sslmode=disable"
        )
        self.kube.patch("secret", self.secret, {"stringData": {name: uri}}, how="merge")
        return name

    def variable(self, name: str) -> dict[str, Any]:
        """The variable by which a container of MLflow has a copy for its database."""
        return {"name": ADDRESS, "valueFrom": {"secretKeyRef": {"name": self.secret, "key": name}}}

    def sql(self, statement: str, database: str, *, reader: str = "") -> str:
        """What statements on a copy print, without a frame.

        Args:
            reader: a name to be found by; they are then run as the owner of the copies.

        Raises:
            KubeFailed: one was refused.
        """
        role = _ROLE if reader else "postgres"
        said = self.kube.exec(
            self.pod, "env", f"PGAPPNAME={reader or _POD}", "sh", "-c", _AS_ROLE, "-",
            "psql", f"--host={_ROOM}", f"--username={role}", f"--dbname={database}",
            "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
            f"--command={statement}",
            stdin=f"{self.password}\n".encode(), timeout_s=_DUMP_S,
        )  # fmt: skip
        return said.strip()

    def _sql(self, statement: str) -> str:
        return self.sql(statement, "postgres")


@contextmanager
def copies(target: Target, waiter: Waiter) -> Iterator[Copies]:
    """A server with a copy of the live database, for as long as the context lasts.

    Raises:
        Undecided: there is no PostgreSQL in the cluster to take it from, or it cannot be dumped.
        KubeFailed, TimedOut: the server could not be made.
    """
    kube, names = target.need_kube(), target.names
    live = _live_pod(kube, names)
    password = secrets.token_hex(24)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _POD, "namespace": kube.namespace},
        "stringData": {"password": password},
    }
    try:
        removed(kube, "pod", _POD, waiter, grace_s=1)
        removed(kube, "secret", _POD, waiter)
        kube.apply([secret, _manifest(live, _settings(target), kube.namespace)])
        address = containers_ready(kube, _POD, waiter)
        made = Copies(kube, _POD, address, _POD, password)
        waiter.until(
            "answering: the PostgreSQL of the copies",
            lambda: _answers(made),
            done=bool,
            timeout="pod ready",
            interval_s=0.5,
        )
        made._sql(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{password}'")
        made._sql(f"CREATE DATABASE {_SEED} OWNER {_ROLE}")
        _copy(kube, names, live, made)
        yield made
    finally:
        with uninterrupted():
            removed(kube, "pod", _POD, waiter, grace_s=1)
            removed(kube, "secret", _POD, waiter)


def backend_uri(kube: Kube, names: Names) -> str:
    """The address of the live database, password included, as a pod of MLflow has it.

    Raises:
        Undecided: no pod is ready, or it has the address elsewhere than in its environment.
    """
    container = names.mlflow.container
    ready = kube.ready_pods(names.mlflow.selector, container=container)
    if not ready:
        raise Undecided("no pod of MLflow is ready, so the address of its database is not known")
    try:
        said = kube.exec(ready[0].name, "printenv", ADDRESS, container=container)
    except KubeFailed as problem:
        raise Undecided(
            f"MLflow has the address of its database elsewhere than in {ADDRESS}, "
            f"so that no copy can be put in its place: {problem}"
        ) from problem
    return said.strip()


def _live_pod(kube: Kube, names: Names) -> Mapping[str, Any]:
    if names.postgresql is None or not names.postgresql.selector:
        raise Undecided("PostgreSQL is not in the cluster, so no server like it can be made there")
    ready = kube.ready_pods(names.postgresql.selector)
    if not ready:
        raise Undecided("no pod of PostgreSQL is ready")
    return ready[0].raw


def _settings(target: Target) -> dict[str, str]:
    found = target.need_sql().rows(
        "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)",
        list(_SETTINGS),
    )
    return {str(name): str(value) for name, value in found}


def _manifest(
    live: Mapping[str, Any], settings: Mapping[str, str], namespace: str
) -> dict[str, Any]:
    spec = copy.deepcopy(dict(live["spec"]))
    name = main_container(live)
    container = next(c for c in spec["containers"] if c["name"] == name)
    options = [word for key, value in sorted(settings.items()) for word in ("-c", f"{key}={value}")]
    for key in ("args", "env", "envFrom", "livenessProbe", "readinessProbe", "startupProbe",
                "lifecycle"):  # fmt: skip
        container.pop(key, None)
    container["command"] = ["sh", "-c", _START.format(room=_ROOM, port=_PORT), "-", *options]
    reference = {"name": _POD, "key": "password"}
    container["env"] = [{"name": "PAIR_PASSWORD", "valueFrom": {"secretKeyRef": reference}}]
    container["volumeMounts"] = [{"name": "pair", "mountPath": _ROOM}]
    spec["containers"] = [container]
    spec.pop("initContainers", None)
    spec["volumes"] = [{"name": "pair", "emptyDir": {}}]
    return bare_pod(_POD, namespace, live["metadata"].get("labels", {}), spec)


def _answers(made: Copies) -> bool:
    try:
        return made._sql("SELECT 1") == "1"
    except KubeFailed:
        return False


def _copy(kube: Kube, names: Names, live: Mapping[str, Any], made: Copies) -> None:
    """One dump of the live database, straight into the seed."""
    parts = urlsplit(backend_uri(kube, names))
    database = unquote(parts.path.lstrip("/"))
    # In PostgreSQL's own pod, where it answers at 127.0.0.1; libpq uses TLS where it can.
    dump = kube.argv(
        "exec", "-i", live["metadata"]["name"], f"--container={main_container(live)}",
        "--", "sh", "-c", _AS_ROLE, "-",
        "pg_dump", "--format=custom", "--no-owner", "--no-acl", "--host=127.0.0.1",
        f"--username={unquote(parts.username or '')}", database,
    )  # fmt: skip
    restore = kube.argv(
        "exec", "-i", made.pod, "--", "sh", "-c", _AS_ROLE, "-",
        "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-acl",
        f"--host={_ROOM}", f"--username={_ROLE}", f"--dbname={_SEED}",
    )  # fmt: skip
    with subprocess.Popen(
        dump, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as dumping:
        assert dumping.stdin
        assert dumping.stderr
        dumping.stdin.write(f"{unquote(parts.password or '')}\n".encode())
        dumping.stdin.close()
        restored = _restored(restore, f"{made.password}\n".encode(), dumping)
        said = dumping.stderr.read().decode("utf-8", "replace")
    if dumping.returncode != 0 or restored.returncode != 0:
        said += restored.stderr.decode("utf-8", "replace")
        raise Undecided(f"the live database could not be copied: {ending(said)}")


def _restored(
    argv: list[str], first: bytes, dumping: subprocess.Popen[bytes]
) -> subprocess.CompletedProcess[bytes]:
    assert dumping.stdout
    try:
        return subprocess.run(
            argv, input=first + dumping.stdout.read(), capture_output=True, check=False,
            timeout=_DUMP_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        dumping.kill()
        raise Undecided(f"the copy was not made within {_DUMP_S} s") from None
