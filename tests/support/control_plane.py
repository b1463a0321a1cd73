# SPDX-License-Identifier: Apache-2.0
"""A real API server with its etcd, as processes of this machine: no node runs anything.

Both programs are those that `mlflow-conformance images` built.
"""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.paths import cache_root
from mlflow_conformance.core.waits import Waiter

ADMIN = "admin"
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def programs() -> tuple[Path, Path] | None:
    """etcd and Kubernetes' one program, where they were built."""
    steps = cache_root() / "steps"
    found = [sorted(steps.glob(p)) for p in ("go.etcd-*/bin/etcd", "go.kube-*/bin/kube")]
    return (found[0][-1], found[1][-1]) if all(found) else None


@dataclass(frozen=True)
class ControlPlane:
    """An API server; its contexts have the names of its users."""

    kubeconfig: Path
    audit: Path

    def kube(self, user: str, namespace: str) -> Kube:
        """The cluster as one user reaches it."""
        return Kube(self.kubeconfig, user, namespace)

    def asked(self, user: str) -> set[tuple[str, str, str]]:
        """Verb, group and resource of all that a user asked for; subresources behind a slash."""
        found = set()
        for line in self.audit.read_text().splitlines():
            event = json.loads(line)
            at = event.get("objectRef")
            if event["user"]["username"] == user and at and at.get("resource"):
                resource = "/".join(filter(None, (at["resource"], at.get("subresource"))))
                found.add((event["verb"], at.get("apiGroup", ""), resource))
        return found


@contextmanager
def control_plane(
    folder: Path, users: Sequence[str], kubernetes: tuple[Path, Path], waiter: Waiter
) -> Iterator[ControlPlane]:
    """An API server with RBAC; `ADMIN` may do everything, the users what they are given."""
    etcd, kube = kubernetes
    ports = [_free_port() for _ in range(3)]
    url, peer = (f"http://127.0.0.1:{port}" for port in ports[:2])
    tokens = {user: f"token-of-{user}-{ports[2]}" for user in (ADMIN, *users)}
    groups = {ADMIN: ",system:masters"}
    (folder / "tokens.csv").write_text(
        "".join(f"{t},{u},{u}{groups.get(u, '')}\n" for u, t in tokens.items())
    )
    (folder / "policy.yaml").write_text(yaml.safe_dump(_POLICY))
    subprocess.run(
        ["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"],
        check=True, capture_output=True,
    )  # fmt: skip
    with ExitStack() as stack:
        _started(
            stack, folder, "etcd", etcd,
            f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        )  # fmt: skip
        _started(
            stack, folder, "kube-apiserver", kube,
            f"--etcd-servers={url}", "--bind-address=127.0.0.1", f"--secure-port={ports[2]}",
            f"--cert-dir={folder / 'certificates'}", "--authorization-mode=RBAC",
            f"--token-auth-file={folder / 'tokens.csv'}", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'accounts.key'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}",
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={folder / 'policy.yaml'}",
            f"--audit-log-path={folder / 'audit.log'}",
        )  # fmt: skip
        config = folder / "kubeconfig"
        certificate = folder / "certificates" / "apiserver.crt"
        there = _kubeconfig(f"https://127.0.0.1:{ports[2]}", certificate, tokens)
        config.write_text(yaml.safe_dump(there))
        waiter.until(
            "made: the certificate of the API server",
            certificate.is_file, done=bool, timeout="pod ready",
        )  # fmt: skip
        made = ControlPlane(config, folder / "audit.log")
        admin = made.kube(ADMIN, "default")
        waiter.until("ready: the API server", lambda: _ready(admin), done=bool, timeout="pod ready")
        yield made


def _started(stack: ExitStack, folder: Path, name: str, program: Path, *arguments: str) -> None:
    log = stack.enter_context((folder / f"{name}.log").open("wb"))
    process = subprocess.Popen(
        [name, *arguments], executable=program, stdout=log, stderr=log, cwd=folder
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)


def _ready(kube: Kube) -> bool:
    try:
        return kube.api.text("readyz", "GET", "/readyz") == "ok"
    except KubeFailed:
        return False


def _kubeconfig(server: str, certificate: Path, tokens: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "here",
                "cluster": {"server": server, "certificate-authority": str(certificate)},
            }
        ],
        "users": [{"name": u, "user": {"token": t}} for u, t in tokens.items()],
        "contexts": [{"name": u, "context": {"cluster": "here", "user": u}} for u in tokens],
    }


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
