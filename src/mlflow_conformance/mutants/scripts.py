# SPDX-License-Identifier: Apache-2.0
"""Scripts of a deployment rewritten for a while, where its Jobs read them and where it is made.

The Jobs read them from a ConfigMap that the backup's CronJob mounts. A documented line such as
`helm upgrade` brings the deployment's own along, so it runs in a copy with the same change.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import Names
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.mutants.files import edited, once
from mlflow_conformance.mutants.mutant import FileChange, ScriptChange
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

_FOLDER = "deployment"


@contextmanager
def rewritten(target: Target, changes: Sequence[ScriptChange], waiter: Waiter) -> Iterator[Target]:
    """The target with rewritten scripts, for as long as the context lasts.

    Raises:
        Unusable: a script or the text in it does not exist, or the ConfigMap could not be put back.
    """
    kube = target.need_kube()
    name, scripts = _scripts(kube, target.names)
    patch = ObjectChange(
        kind="configmap", name=name, patch_type="json",
        json_patch=[
            {"op": "replace", "path": f"/data/{file}", "value": text}
            for file, text in applied(scripts, changes).items()
        ],
    )  # fmt: skip
    files = [
        FileChange(path=_path(target.root / _FOLDER, c.file), find=c.find, put=c.put)
        for c in changes
    ]
    with edited(target, files) as copy, changed(target, [patch], waiter):
        yield copy


def applied(scripts: Mapping[str, str], changes: Sequence[ScriptChange]) -> dict[str, str]:
    """The scripts that change, changed.

    Raises:
        Unusable: there is no such script, or the text is not in it exactly once.
    """
    texts: dict[str, str] = {}
    for change in changes:
        text = texts.get(change.file, scripts.get(change.file, ""))
        texts[change.file] = once(text, change, change.file)
    return texts


def _path(folder: Path, file: str) -> str:
    """The one file of that name in a folder, relative to it."""
    found = sorted(folder.rglob(file))
    if len(found) != 1:
        raise Unusable(
            f"There are {len(found)} files {file} in {_FOLDER}/, and not one",
            remedy="Correct the name in the mutant",
        )
    return str(found[0].relative_to(folder))


def _scripts(kube: Kube, names: Names) -> tuple[str, Mapping[str, str]]:
    """The ConfigMap with the scripts of the backup."""
    if names.backup is None:
        raise Unusable(
            "This profile names no backup whose scripts could be rewritten",
            remedy="Add names.backup, or leave this mutant out",
        )
    try:
        cronjob = kube.get("cronjob", names.backup.cronjob)
        volumes = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"].get("volumes", [])
        for volume in volumes:
            if "configMap" in volume:
                found = kube.get("configmap", volume["configMap"]["name"])
                if any(file.endswith(".py") for file in found.get("data", {})):
                    return found["metadata"]["name"], found["data"]
    except KubeFailed as problem:
        raise Unusable(
            f"The scripts of the backup cannot be read: {problem}",
            remedy="Check names.backup in the profile",
        ) from problem
    raise Unusable(
        f"The CronJob {names.backup.cronjob} mounts no ConfigMap with Python scripts",
        remedy="Leave this mutant out for this deployment",
    )
