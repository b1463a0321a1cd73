# SPDX-License-Identifier: Apache-2.0
"""What a new cluster applies by itself: network, DNS, storage, metrics and ingress."""

from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.stand.images.steps import Work

_RENDER_S = 120.0
_CHART = Path("files", "install", "kubernetes", "cilium")


def render(folder: Path, work: Work, kubernetes: str) -> dict[str, str]:
    """The two files that kind uses: it creates the network first, and applies everything else.

    Args:
        folder: ``deployment/kind/manifests``.
        kubernetes: version of the cluster, without its ``v``.
    """
    cilium = shell.run(
        [
            *(work.needs["go.helm"] / "bin" / "helm", "template", "cilium"),
            *(work.needs["go.cilium"] / _CHART, "--namespace", "kube-system"),
            *("--kube-version", kubernetes, "--values", folder / "cilium-values.yaml"),
        ],
        timeout_s=_RENDER_S,
    ).stdout
    then = [
        (folder / name).read_text(encoding="utf-8")
        for name in ("coredns.yaml", "storage.yaml", "metrics-server.yaml", "traefik.yaml")
    ]
    return {"default-cni.yaml": cilium, "default-storage.yaml": "\n---\n".join(then)}
