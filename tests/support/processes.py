# SPDX-License-Identifier: Apache-2.0
"""Real PostgreSQL, MinIO and MLflow processes on this machine, for a target without a cluster.

Everything listens on 127.0.0.1, on ports that were free a moment before, and writes below one
folder. Each context manager ends what it started, and waits until it is gone.
"""

import base64
import os
import pwd
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import psycopg
import requests

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand import images

POSTGRESQL_BIN = Path("/usr/lib/postgresql/15/bin")
_UNPRIVILEGED = "postgres"  # PostgreSQL refuses to run as root


PROFILE = """
schema: 1
name: processes
extends: production
names:
  namespace: mlflow
  mlflow: {deployment: mlflow, service: mlflow, selector: {app: mlflow}}
  runner: {image: "runner:1", labels: {may: enter}}
"""
"""Of a deployment that runs as processes, by the base `production`."""


@dataclass(frozen=True)
class Postgresql:
    """A PostgreSQL server with one database.

    Attributes:
        uri: of the database's owner, as SQLAlchemy spells it.
        auditor: libpq parameters of an account that can only read.
    """

    uri: str
    auditor: Mapping[str, str | int]

    @property
    def address(self) -> str:
        """The same as libpq spells it."""
        return self.uri.replace("postgresql+psycopg2", "postgresql")


@dataclass(frozen=True)
class Minio:
    """A MinIO server with one bucket; `access_key` and `secret_key` are its administrator's."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Stand:
    """Two or more MLflow servers on one database and one bucket."""

    urls: Sequence[str]
    postgresql: Postgresql
    minio: Minio

    def front_options(self) -> list[str]:
        """The options that name its servers alone to pytest."""
        return [f"--tracking-uri={url}" for url in self.urls]

    def options(self) -> list[str]:
        """The options that name this stand to pytest; keys of S3 go through the environment."""
        auditor = " ".join(f"{k}={v}" for k, v in self.postgresql.auditor.items())
        return [
            *self.front_options(),
            f"--sql-dsn={auditor}",
            f"--s3-endpoint={self.minio.endpoint}",
            f"--s3-bucket={self.minio.bucket}",
        ]

    def environment(self) -> dict[str, str]:
        """The credentials of S3 as the environment names them."""
        return {
            "AWS_ACCESS_KEY_ID": self.minio.access_key,
            "AWS_SECRET_ACCESS_KEY": self.minio.secret_key,
        }


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other accounts get into, for as long as the context lasts.

    PostgreSQL runs as another account. Pytest's own temporary folder will not do: every run of
    pytest of this user takes the way into it from all others.
    """
    with TemporaryDirectory(prefix="mlflow-conformance-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgresql(folder: Path, waiter: Waiter) -> Iterator[Postgresql]:
    """A PostgreSQL 15 server below `folder`, as an unprivileged account.

    Raises:
        Unusable: PostgreSQL is not installed, or did not start.
    """
    if not (POSTGRESQL_BIN / "postgres").is_file():
        raise Unusable(
            f"There is no PostgreSQL in {POSTGRESQL_BIN}", remedy="apt-get install postgresql-15"
        )
    account = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    data, port = folder / "postgresql", free_port()
    data.mkdir(mode=0o700)
    os.chown(data, account.pw_uid, account.pw_gid)
    password = folder / "postgresql-password"
    secret = secrets.token_hex(16)
    password.write_text(secret)
    os.chown(password, account.pw_uid, account.pw_gid)
    _run(
        [str(POSTGRESQL_BIN / "initdb"), "-D", str(data), "-U", "mlflow", "-E", "UTF8",
         "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"],
        account,
    )  # fmt: skip
    owner = f"host=127.0.0.1 port={port} user=mlflow password={secret}"
    with _process(
        [str(POSTGRESQL_BIN / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port),
         "-c", "unix_socket_directories=", "-c", "fsync=off"],
        folder / "postgresql.log",
        account=account,
    ) as process:  # fmt: skip

        def answers() -> str:
            _still_runs(process, folder / "postgresql.log")
            try:
                psycopg.connect(f"{owner} dbname=postgres", connect_timeout=2).close()
            except psycopg.OperationalError as problem:
                return str(problem)
            return "ready"

        waiter.until(
            "answering: PostgreSQL", answers, done=lambda s: s == "ready", timeout="pod ready",
            interval_s=0.1,
        )  # fmt: skip
        with psycopg.connect(f"{owner} dbname=postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE mlflow")
            connection.execute(f"CREATE ROLE auditor LOGIN PASSWORD '{secret}'")
            connection.execute("GRANT pg_read_all_data TO auditor")
            connection.execute("ALTER ROLE auditor SET default_transaction_read_only = on")
        yield Postgresql(
            uri=f"postgresql+psycopg2://mlflow:{secret}@127.0.0.1:{port}/mlflow",
            auditor={
                "host": "127.0.0.1", "port": port, "dbname": "mlflow",
                "user": "auditor", "password": secret,
            },
        )  # fmt: skip


@contextmanager
def minio(binary: Path, folder: Path, waiter: Waiter) -> Iterator[Minio]:
    """A MinIO server below `folder` with the bucket `mlflow-artifacts`.

    Raises:
        Unusable: it did not start.
    """
    endpoint, secret = f"http://127.0.0.1:{free_port()}", secrets.token_hex(16)
    data = folder / "minio"
    data.mkdir()
    log = folder / "minio.log"
    with _process(
        [str(binary), "server", str(data), "--address", endpoint.removeprefix("http://")],
        log,
        env={
            "MINIO_ROOT_USER": "mlflow-root", "MINIO_ROOT_PASSWORD": secret,
            "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
        },
    ) as process:  # fmt: skip
        _wait_answers("MinIO", f"{endpoint}/minio/health/ready", process, log, waiter)
        boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="mlflow-root",
            aws_secret_access_key=secret,
            region_name="us-east-1",
        ).create_bucket(Bucket="mlflow-artifacts")
        yield Minio(endpoint, "mlflow-artifacts", "mlflow-root", secret)


@contextmanager
def plain_server(folder: Path, waiter: Waiter) -> Iterator[str]:
    """`mlflow server` as it comes, on SQLite and a folder; yields its URL.

    Raises:
        Unusable: it did not start.
    """
    with mlflow_server(
        folder,
        waiter,
        backend_store_uri=f"sqlite:///{folder}/mlflow.db",
        artifacts_destination=str(folder / "artifacts"),
        env={},
    ) as url:
        yield url


@contextmanager
def mlflow_server(
    folder: Path,
    waiter: Waiter,
    *,
    backend_store_uri: str,
    artifacts_destination: str,
    env: Mapping[str, str],
) -> Iterator[str]:
    """One MLflow server with one worker; yields its URL.

    Raises:
        Unusable: it did not start.
    """
    port = free_port()
    log = folder / f"mlflow-{port}.log"
    argv = [
        sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}",
        "--workers=1", "--serve-artifacts", f"--backend-store-uri={backend_store_uri}",
        f"--artifacts-destination={artifacts_destination}",
    ]  # fmt: skip
    settings = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Webhooks are delivered to this machine, and what one server encrypts all can read.
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",
        **env,
    }
    with _process(argv, log, env=settings) as process:
        _wait_answers("MLflow", f"http://127.0.0.1:{port}/health", process, log, waiter)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def stand(
    minio_binary: Path, folder: Path, waiter: Waiter, *, replicas: int = 2
) -> Iterator[Stand]:
    """PostgreSQL, MinIO and `replicas` MLflow servers; the first one makes the schema.

    Raises:
        Unusable: one of them is missing or did not start.
    """
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(folder, waiter))
        store = stack.enter_context(minio(minio_binary, folder, waiter))
        webhook_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        urls = [
            stack.enter_context(
                mlflow_server(
                    folder,
                    waiter,
                    backend_store_uri=database.uri,
                    artifacts_destination=f"s3://{store.bucket}",
                    env={
                        "MLFLOW_S3_ENDPOINT_URL": store.endpoint,
                        "AWS_ACCESS_KEY_ID": store.access_key,
                        "AWS_SECRET_ACCESS_KEY": store.secret_key,
                        "AWS_DEFAULT_REGION": "us-east-1",
                        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": webhook_key,
                    },
                )
            )
            for _ in range(replicas)
        ]
        yield Stand(urls, database, store)


def _run(argv: Sequence[str], account: pwd.struct_passwd) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd="/", **_identity(account)
    )
    if done.returncode != 0:
        raise Unusable(
            f"{Path(argv[0]).name} failed: {' '.join(done.stderr.split())[-400:]}",
            remedy="Mend what it names",
        )


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None or os.geteuid() != 0:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def _process(
    argv: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    account: pwd.struct_passwd | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            argv,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd="/",
            start_new_session=True,
            **_identity(account),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _still_runs(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        said = " ".join(log.read_text("utf-8", "replace").split())[-400:]
        raise Unusable(
            f"{Path(str(log)).stem} ended with {process.returncode}: {said}",
            remedy="Mend what it names",
        )


def _wait_answers(
    name: str, url: str, process: subprocess.Popen[bytes], log: Path, waiter: Waiter
) -> None:
    def observe() -> str:
        _still_runs(process, log)
        try:
            return str(requests.get(url, timeout=2).status_code)
        except requests.RequestException as problem:
            return type(problem).__name__

    waiter.until(
        f"answering: {name}", observe, done=lambda s: s == "200", timeout="pod ready",
        interval_s=0.2,
    )  # fmt: skip


def minio_binary() -> Path | None:
    """MinIO on this machine: ``MLFLOW_CONFORMANCE_MINIO``, the one that was built, or None."""
    named = os.environ.get("MLFLOW_CONFORMANCE_MINIO")
    binary = Path(named) if named else images.tools().minio
    return binary if binary.is_file() else None
