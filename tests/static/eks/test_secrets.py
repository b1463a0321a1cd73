# SPDX-License-Identifier: Apache-2.0
"""The programs that make Secrets, run against a kubectl that only keeps what it is told."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.stand.deploy.kustomize import Kustomize

Objects = list[dict[str, Any]]

# Answers `get` and `create` from a folder per Secret, and records every argument.
KUBECTL = """\
#!/bin/bash
set -eu
printf '%s\\n' "$@" >>"$KEPT/arguments"
[ -z "${DOWN:-}" ] || { echo "Unable to connect to the server" >&2; exit 1; }
words=() from=
for word in "$@"; do
  case $word in
    --from-file=*) from=${word#*=} ;;
    -*) ;;
    *) words+=("$word") ;;
  esac
done
case "${words[*]}" in
  "get secret "*) [ ! -e "$KEPT/${words[2]}" ] || echo "secret/${words[2]}" ;;
  "create secret generic "*) cp -r "$from" "$KEPT/${words[3]}" ;;
esac
"""


@dataclass(frozen=True)
class Cluster:
    """Secrets by name and key, and every argument that kubectl got."""

    kept: Path
    kubectl: Path

    def run(self, program: Path, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the programs against this cluster."""
        self.kept.mkdir(exist_ok=True)
        return subprocess.run(
            [str(program), *flags],
            env=os.environ | {"KUBECTL": str(self.kubectl), "KEPT": str(self.kept)} | variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        """What was created."""
        return {
            folder.name: {file.name: file.read_text() for file in folder.iterdir()}
            for folder in self.kept.iterdir()
            if folder.is_dir()
        }

    @property
    def arguments(self) -> list[str]:
        """All arguments of all calls."""
        return (self.kept / "arguments").read_text().splitlines()


def cluster_at(folder: Path) -> Cluster:
    """A cluster without Secrets that keeps its things in a folder."""
    folder.mkdir()
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    return Cluster(folder / "kept", kubectl)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster without Secrets."""
    return cluster_at(tmp_path / "cluster")


@pytest.fixture(scope="session")
def installed(deployment: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A cluster with the Secrets of the kind overlay, to look at."""
    cluster = cluster_at(tmp_path_factory.mktemp("installed") / "cluster")
    done = cluster.run(deployment / "overlays/kind/generate-secrets")
    assert (done.returncode, done.stderr) == (0, "")
    return cluster


def read_keys(objects: Objects) -> Iterator[tuple[str, str]]:
    """Name and key of everything that pods read from Secrets."""

    def walk(part: Any) -> Iterator[tuple[str, str]]:
        if isinstance(part, list):
            for each in part:
                yield from walk(each)
        elif isinstance(part, dict):
            if reference := part.get("secretKeyRef"):
                yield reference["name"], reference["key"]
            if isinstance(secret := part.get("secret"), dict):
                name = str(secret.get("secretName", secret.get("name")))
                for item in secret["items"]:
                    yield name, item["key"]
            for value in part.values():
                yield from walk(value)

    yield from walk(objects)


def test_everything_that_pods_on_eks_read_is_made(
    cluster: Cluster, deployment: Path, base: Objects
) -> None:
    assert cluster.run(deployment / "generate-secrets").returncode == 0
    made = cluster.secrets
    assert [k for k in read_keys(base) if not made[k[0]].get(k[1])] == []


def test_everything_that_pods_with_users_read_is_made(
    installed: Cluster, kustomize: Kustomize, overlay: Path
) -> None:
    wanted = set(read_keys(kustomize.render(overlay)))
    assert ("mlflow-probe", "probe.curlrc") in wanted
    assert [(name, key) for name, key in wanted if not installed.secrets[name].get(key)] == []


def test_everything_that_pods_on_kind_read_is_made(installed: Cluster, kind: Objects) -> None:
    made = installed.secrets
    wanted = set(read_keys(kind))
    assert ("minio-secret", "openid-client-secret") in wanted
    assert [(name, key) for name, key in wanted if not made[name].get(key)] == []


def test_second_run_changes_nothing(cluster: Cluster, deployment: Path) -> None:
    program = deployment / "overlays/kind/generate-secrets"
    assert cluster.run(program).returncode == 0
    before = cluster.secrets
    assert cluster.run(program).returncode == 0
    assert cluster.secrets == before
    assert cluster.arguments.count("create") == len(before)


def test_two_installs_share_no_value_but_names(
    cluster: Cluster, installed: Cluster, deployment: Path
) -> None:
    assert cluster.run(deployment / "overlays/kind/generate-secrets").returncode == 0
    other = installed.secrets
    same = {
        key
        for name, entries in cluster.secrets.items()
        for key, value in entries.items()
        if other[name][key] == value
    }
    assert same == {"postgresql-username", "auth-username", "root-user", "s3-access-key"}


def test_values_are_long_and_never_arguments(installed: Cluster) -> None:
    said = "\n".join(installed.arguments)
    for name, entries in installed.secrets.items():
        for key, value in entries.items():
            if key.endswith(("username", "user", "access-key")):
                continue
            assert len(value) >= 44, f"{name}/{key}"
            assert value not in said


def test_addresses_hold_the_passwords_that_roles_get(installed: Cluster) -> None:
    made = installed.secrets
    assert made["mlflow-secret"]["backend-store-uri"] == (
        f"postgresql+psycopg2://mlflow:{made['mlflow-secret']['postgresql-password']}"
        "@postgres:5432/mlflow"
    )
    assert made["postgres-backup-secret"]["database-uri"] == (
        f"postgresql://backup:{made['postgres-backup-secret']['postgresql-password']}"
        "@postgres:5432/mlflow"
    )


@pytest.mark.parametrize(
    ("secret", "names"),
    [
        ("postgres-tls", ["postgres", "postgres.mlflow.svc.cluster.local"]),
        ("minio-tls", ["minio", "minio.mlflow.svc"]),
        ("mlflow-server-tls", ["localhost", "mlflow.example.com"]),
    ],
)
def test_certificates_are_good_for_their_names(
    installed: Cluster, secret: str, names: list[str]
) -> None:
    folder = installed.kept / secret
    for name in names:
        subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name,
             "-CAfile", str(folder / "ca.crt"), str(folder / "tls.crt")],
            check=True, capture_output=True,
        )  # fmt: skip
    assert "BEGIN PRIVATE KEY" in (folder / "tls.key").read_text()


def test_unreachable_cluster_ends_it_and_makes_nothing(cluster: Cluster, deployment: Path) -> None:
    done = cluster.run(deployment / "generate-secrets", DOWN="1")
    assert done.returncode != 0
    assert "Unable to connect" in done.stderr
    assert cluster.secrets == {}


def test_flags_reach_every_call(cluster: Cluster, deployment: Path) -> None:
    assert cluster.run(deployment / "generate-secrets", "--context=prod").returncode == 0
    said = cluster.arguments
    calls = said.count("get") + said.count("create") + said.count("apply")
    assert said.count("--context=prod") == calls
    assert said.count("--namespace=mlflow") == calls


def test_no_password_is_in_the_repository(deployment: Path) -> None:
    texts = [p.read_text() for p in deployment.rglob("*") if p.is_file()]
    assert not re.findall(r"(?m)^kind: Secret$", "\n".join(texts))
    assert json.dumps(texts).count("stringData") == 0
