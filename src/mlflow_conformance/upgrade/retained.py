# SPDX-License-Identifier: Apache-2.0
"""Everything that is set in a deployment's namespace, so that what an upgrade changed can be told.

Of an Ingress, a Service and a ServiceAccount the annotations are half of what is set: a
certificate, a load balancer, a role of AWS. Of the namespace its labels are what admission refuses.

Values are compared by digests: Secrets are among them, and nothing of them is kept.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from mlflow_conformance.cluster.kube import Kube

KINDS = (
    "secret", "configmap", "deployment", "statefulset", "daemonset", "service", "ingress",
    "networkpolicy", "horizontalpodautoscaler", "poddisruptionbudget", "cronjob", "serviceaccount",
    "persistentvolumeclaim", "role", "rolebinding", "limitrange", "resourcequota",
)  # fmt: skip
_OF_HELM = "helm.sh/release.v1"
_SET = (
    "spec", "data", "binaryData", "rules", "subjects", "roleRef", "automountServiceAccountToken",
    "imagePullSecrets",
)  # fmt: skip
_MARKS = ("labels", "annotations")
# What tells the version, and what those who deploy and Kubernetes' own controllers write there.
_OF_NOBODY = re.compile(
    r"helm\.sh/chart|app\.kubernetes\.io/version|meta\.helm\.sh/.*"
    r"|kubectl\.kubernetes\.io/last-applied-configuration|deployment\.kubernetes\.io/revision"
    r"|(pv|volume|volume\.beta)\.kubernetes\.io/.*"
    r"|(control-plane|autoscaling)\.alpha\.kubernetes\.io/.*"
)
# The API server keeps "1000m" as "1".
_QUANTITY = re.compile(r".*\.(resources\.(limits|requests)\.[^.]+|sizeLimit|averageValue)")
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
        meant: what was to become another one, and is what it was to be.
    """

    secrets: Sequence[str]
    others: Sequence[str]
    remade: Sequence[str]
    meant: Sequence[str]


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
            values |= _digests(where, thing, images)
    # Its labels say what admission refuses there, and its annotations more.
    space = kube.get("namespace", kube.namespace)
    values |= _digests(f"namespace/{kube.namespace}", {"metadata": space["metadata"]}, images)
    return Settings(values, uids)


def meant(a: Iterable[Mapping[str, Any]], b: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """What two renderings of a deployment set differently: by path the digest of B's value.

    The digest is empty where B sets none. A deployment whose values or files are changed says so
    itself; what differs between two versions of MLflow, its image, is none of it.
    """
    first, second = _rendered(a), _rendered(b)
    return {
        path: second.get(path, "")
        for path in {*first, *second}
        if first.get(path) != second.get(path)
    }


def altered(before: Settings, after: Settings, meant: Mapping[str, str] | None = None) -> Altered:
    """What differs; what controllers write is left out, and so are new Secrets.

    Args:
        meant: as the function of that name has it; None where nothing is.
    """
    differing = sorted(
        path
        for path in {*before.values, *after.values}
        if before.values.get(path) != after.values.get(path) and not _OF_CONTROLLERS.fullmatch(path)
    )
    as_meant = [p for p in differing if (meant or {}).get(p) == after.values.get(p, "")]
    paths = [path for path in differing if path not in as_meant]
    secrets = [p for p in paths if p.startswith("secret/") and not _of_marks(p)]
    return Altered(
        secrets=[p for p in secrets if p in before.values],
        # Marks of a new Secret are as new as it is.
        others=[
            p for p in paths if not p.startswith("secret/") or (_of_marks(p) and p in before.values)
        ],
        remade=sorted(
            where for where, uid in before.uids.items() if after.uids.get(where, uid) != uid
        ),
        meant=as_meant,
    )


def _rendered(objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for thing in objects:
        kind = thing["kind"].lower()
        if kind in KINDS:
            values |= _digests(f"{kind}/{thing['metadata']['name']}", _as_kept(thing), ())
    return values


def _as_kept(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rendered object as the API server keeps it: texts of a Secret are data there."""
    texts: Mapping[str, str] = thing.get("stringData") or {}
    if not texts:
        return thing
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {**thing, "data": {**(thing.get("data") or {}), **data}}


def _digests(where: str, thing: Mapping[str, Any], images: Sequence[str]) -> Mapping[str, str]:
    """By ``kind/name: path`` a digest of each value that somebody set in an object."""
    found = [leaf for part in _SET for leaf in _leaves(thing.get(part), part)]
    for part in _MARKS:
        marks: Mapping[str, str] = thing["metadata"].get(part) or {}
        found += [
            (f"metadata.{part}.{key}", value)
            for key, value in marks.items()
            if not _OF_NOBODY.fullmatch(key)
        ]
    return {
        f"{where}: {path}": hashlib.sha256(_spelled(path, value, images).encode()).hexdigest()
        for path, value in found
    }


def _spelled(path: str, value: Any, images: Sequence[str]) -> str:
    """A value so that two that mean the same are the same text."""
    if value in images:
        return "the image"
    if _QUANTITY.fullmatch(path):
        return str(parse_quantity(value).normalize())
    return json.dumps(value)


def _of_marks(path: str) -> bool:
    """Whether a path of an object is one of its labels or annotations."""
    return path.partition(": ")[2].startswith("metadata.")


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
