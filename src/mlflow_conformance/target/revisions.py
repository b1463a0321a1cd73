# SPDX-License-Identifier: Apache-2.0
"""The revision of the database's schema that an image of MLflow needs."""

from mlflow_conformance.cluster.kube import Kube

# MLflow is not imported, which takes seconds: its migrations name themselves and their predecessors
# in two constants.
_READ = """
import ast, importlib.util, json, pathlib
folder = pathlib.Path(importlib.util.find_spec("mlflow").origin).parent
steps = []
for path in (folder / "store/db_migrations/versions").glob("*.py"):
    step = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            targets = getattr(node, "targets", [])
        for target in targets:
            name = getattr(target, "id", "")
            if name in ("revision", "down_revision"):
                step[name] = ast.literal_eval(node.value)
    steps.append(step)
print(json.dumps(steps))
"""


def needed(kube: Kube, pod: str, container: str) -> list[str]:
    """The newest revisions that the MLflow in a container knows: one, if its migrations are sound.

    Raises:
        KubeFailed: it cannot be looked into.
    """
    return newest(kube.exec_json(pod, "python", "-c", _READ, container=container))


def newest(steps: list[dict[str, str | list[str] | None]]) -> list[str]:
    """The revisions that no other one follows.

    Args:
        steps: of the migrations, each with its `revision` and `down_revision`; one that brings two
            lines together follows several.
    """
    followed: set[str] = set()
    for step in steps:
        before = step.get("down_revision")
        followed.update([before] if isinstance(before, str) else before or [])
    return sorted({str(s["revision"]) for s in steps if s.get("revision")} - followed)
