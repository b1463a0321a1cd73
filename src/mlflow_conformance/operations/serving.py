# SPDX-License-Identifier: Apache-2.0
"""The processes of a container that serve MLflow's requests."""

import json
from collections.abc import Sequence

from mlflow_conformance.cluster.kube import Kube

_COMMAND_LINES = """
import json, os, pathlib
lines = []
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if path.parent.name == str(os.getpid()):
        continue
    try:
        lines.append(path.read_bytes().decode(errors="replace").split(chr(0)))
    except OSError:
        continue  # it has just ended
print(json.dumps(lines))
"""
_SPAWNED = "--multiprocessing-fork"
_APPLICATION = ("fastapi_app", "uvicorn")


def workers(kube: Kube, pod: str, container: str) -> int:
    """How many processes serve in a container, which has Python.

    Raises:
        KubeFailed: it cannot be looked into.
    """
    return serving(json.loads(kube.exec(pod, "python", "-c", _COMMAND_LINES, container=container)))


def serving(command_lines: Sequence[Sequence[str]]) -> int:
    """How many of these processes serve.

    With one worker uvicorn serves in its own process. With more it spawns them by
    multiprocessing, and one more process that only tracks their resources.
    """
    spawned = [c for c in command_lines if _SPAWNED in c]
    if spawned:
        return len(spawned)
    return sum(all(any(w in word for word in c) for w in _APPLICATION) for c in command_lines)
