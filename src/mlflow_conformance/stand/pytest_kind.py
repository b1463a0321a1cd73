# SPDX-License-Identifier: Apache-2.0
"""The only module that touches pytest-kind, as a program of its own.

pytest-kind (GPL-3.0-or-later, the extra ``kind``) creates clusters through its class
`KindCluster`. It runs here in a separate process, because it works in the current folder, takes its
settings from the environment, prints, and waits without a time limit: the caller gives it a folder,
an environment and a limit. It is given paths of kind and kubectl, so it downloads nothing.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable


@dataclass(frozen=True)
class KindRequest:
    """What pytest-kind is to work on; paths are absolute."""

    name: str
    image: str
    kubeconfig: str
    kind: str
    kubectl: str
    config: str


def create(
    request: KindRequest, *, folder: Path, env: Mapping[str, str], timeout_s: float
) -> shell.Completed:
    """Create the cluster.

    Raises:
        Unusable: pytest-kind is not installed.
        CommandFailed: kind failed; what it had made is still there.
    """
    if find_spec("pytest_kind") is None:
        raise Unusable(
            "pytest-kind is not installed", remedy="pip install 'mlflow-conformance[kind]'"
        )
    return shell.run(
        [sys.executable, "-m", __name__],
        timeout_s=timeout_s,
        cwd=folder,
        env=env,
        stdin=json.dumps(asdict(request)),
    )


def main() -> None:
    """Create a cluster in this process, whose folder and environment the caller has chosen."""
    from pytest_kind.cluster import KindCluster

    # kind goes on when only this process ends, and would fight with the run that takes over
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    request = KindRequest(**json.load(sys.stdin))
    cluster = KindCluster(
        request.name,
        Path(request.kubeconfig),
        image=request.image,
        kind_path=Path(request.kind),
        kubectl_path=Path(request.kubectl),
    )
    try:
        cluster.create(request.config)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # kind has said why


if __name__ == "__main__":
    main()
