# SPDX-License-Identifier: Apache-2.0
"""Everything that is set in a deployment's namespace, so that what an upgrade changed can be told.

Values are compared by digests: Secrets are among them, and nothing of them is kept.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube

KINDS = (
    "secret", "configmap", "deployment", "statefulset", "service", "ingress", "networkpolicy",
    "horizontalpodautoscaler", "poddisruptionbudget", "cronjob", "serviceaccount",
    "persistentvolumeclaim",
)  # fmt: skip
_OF_HELM = "helm.sh/release.v1"
_SET = ("spec", "data", "binaryData", "stringData")
# What controllers write into specifications, at any time.
_OF_CONTROLLERS = re.compile(r"deployment/[^:]+: spec\.replicas|.*: spec\.volumeName")


@dataclass(frozen=True)
class Settings:
    """What is set.

    Attributes:
        values: by ``kind/name: path`` a digest of the value.
        uids: by ``kind/name``: an object that was deleted and made anew has another one.
    """

    values: Mapping[str, str]
    uids: Mapping[str, str]


@dataclass(frozen=True)
class Altered:
    """How two settings differ, as ``kind/name: path``.

    Attributes:
        secrets: entries of Secrets that are other ones, or gone.
        others: everything else that is another one, gone or new.
        remade: objects that were deleted and made anew.
    """

    secrets: Sequence[str]
    others: Sequence[str]
    remade: Sequence[str]


def settings(kube: Kube, images: Sequence[str] = ()) -> Settings:
    """What is set in the namespace now.

    Args:
        images: which count as one and the same wherever they stand.

    Raises:
        KubeFailed: it cannot be read.
    """
    values: dict[str, str] = {}
    uids: dict[str, str] = {}
    for kind in KINDS:
        for thing in kube.items(kind):
            meta = thing["metadata"]
            if thing.get("type") == _OF_HELM or meta.get("ownerReferences"):
                continue
            where = f"{kind}/{meta['name']}"
            uids[where] = meta["uid"]
            for part in _SET:
                for path, value in _leaves(thing.get(part), part):
                    text = "the image" if value in images else json.dumps(value)
                    values[f"{where}: {path}"] = hashlib.sha256(text.encode()).hexdigest()
    return Settings(values, uids)


def altered(before: Settings, after: Settings) -> Altered:
    """What differs; what controllers write is left out, and so are new Secrets."""
    paths = sorted(
        path
        for path in {*before.values, *after.values}
        if before.values.get(path) != after.values.get(path) and not _OF_CONTROLLERS.fullmatch(path)
    )
    secrets = [p for p in paths if p.startswith("secret/")]
    return Altered(
        secrets=[p for p in secrets if p in before.values],
        others=[p for p in paths if not p.startswith("secret/")],
        remade=sorted(
            where for where, uid in before.uids.items() if after.uids.get(where, uid) != uid
        ),
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case None:
            return
        case dict() if value:
            for key, held in value.items():
                yield from _leaves(held, f"{path}.{key}")
        case list() if value:
            for place, held in enumerate(value):
                named = held.get("name") if isinstance(held, dict) else None
                yield from _leaves(held, f"{path}[{named or place}]")
        case _:
            yield path, value
