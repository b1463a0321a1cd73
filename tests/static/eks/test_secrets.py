# SPDX-License-Identifier: Apache-2.0
"""The programs that make Secrets, run against a kubectl that only keeps what it is told."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Objects = list[dict[str, Any]]

# Answers `get` and `create` from a folder per Secret, and records every argument.
KUBECTL = """\
#!{python}
import os, pathlib, shutil, sys
kept = pathlib.Path(os.environ["KEPT"])
with (kept / "arguments").open("a") as record:
    record.write("\\n".join(sys.argv[1:]) + "\\n")
words = [word for word in sys.argv[1:] if not word.startswith("-")]
options = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
if os.environ.get("DOWN"):
    sys.exit("Unable to connect to the server")
if words[:2] == ["get", "secret"] and (kept / words[2]).exists():
    print("secret/" + words[2])
if words[:3] == ["create", "secret", "generic"]:
    shutil.copytree(options["--from-file"], kept / words[3])
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
    kubectl.write_text(KUBECTL.format(python=sys.executable))
    kubectl.chmod(0o755)
    return Cluster(folder / "kept", kubectl)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster without Secrets."""
    return cluster_at(tmp_path / "cluster")


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
                for item in secret.get("items", []):
                    yield secret.get("secretName", secret.get("name")), item["key"]
                if "items" not in secret:
                    yield secret["secretName"], ""
            for value in part.values():
                yield from walk(value)

    yield from walk(objects)


@pytest.mark.parametrize(("tree", "program"), [("base", "."), ("kind", "overlays/kind")])
def test_everything_that_pods_read_is_made(
    cluster: Cluster, deployment: Path, tree: str, program: str, request: pytest.FixtureRequest
) -> None:
    done = cluster.run(deployment / program / "generate-secrets", "--context=prod")
    assert (done.returncode, done.stderr) == (0, "")
    made = cluster.secrets
    wanted = set(read_keys(request.getfixturevalue(tree)))
    assert wanted
    assert {(name, key) for name, key in wanted if key and not made[name].get(key)} == set()
    assert {name for name, _ in wanted} <= set(made)


def test_second_run_changes_nothing(cluster: Cluster, deployment: Path) -> None:
    program = deployment / "overlays/kind/generate-secrets"
    assert cluster.run(program).returncode == 0
    before = cluster.secrets
    assert cluster.run(program).returncode == 0
    assert cluster.secrets == before
    assert cluster.arguments.count("create") == len(before)


def test_two_installs_share_no_value_but_names(
    cluster: Cluster, deployment: Path, tmp_path: Path
) -> None:
    other = cluster_at(tmp_path / "other")
    for each in (cluster, other):
        assert each.run(deployment / "overlays/kind/generate-secrets").returncode == 0
    same = {
        key
        for name, entries in cluster.secrets.items()
        for key, value in entries.items()
        if other.secrets[name][key] == value
    }
    assert same == {"postgresql-username", "auth-username", "root-user", "s3-access-key"}


def test_values_are_long_and_never_arguments(cluster: Cluster, deployment: Path) -> None:
    assert cluster.run(deployment / "overlays/kind/generate-secrets").returncode == 0
    said = "\n".join(cluster.arguments)
    for name, entries in cluster.secrets.items():
        for key, value in entries.items():
            if key.endswith(("username", "user", "access-key")):
                continue
            assert len(value) >= 44, f"{name}/{key}"
            assert value not in said


def test_addresses_hold_the_passwords_that_roles_get(cluster: Cluster, deployment: Path) -> None:
    assert cluster.run(deployment / "generate-secrets").returncode == 0
    made = cluster.secrets
    assert made["mlflow-secret"]["backend-store-uri"] == (
        f"postgresql+psycopg://mlflow:{made['mlflow-secret']['postgresql-password']}"
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
        ("mlflow-server-tls", ["localhost"]),
    ],
)
def test_certificates_are_good_for_their_names(
    cluster: Cluster, deployment: Path, secret: str, names: list[str]
) -> None:
    assert cluster.run(deployment / "overlays/kind/generate-secrets").returncode == 0
    folder = cluster.kept / secret
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
