# SPDX-License-Identifier: Apache-2.0
"""Candidates: single changes of a deployment, made up from its rendered manifests.

The same deployment gives the same candidates in the same order, whatever the order of its
manifests. Jobs are left out: one that has run stays as it was.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mlflow_conformance.config.names import Names
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.mutants.candidates.edits import Edit
from mlflow_conformance.mutants.candidates.noticing import could_notice
from mlflow_conformance.mutants.candidates.operators import edits
from mlflow_conformance.mutants.candidates.parts import (
    ROLLED,
    Manifest,
    part_of,
    readers,
    selected_keys,
    template_of,
)
from mlflow_conformance.mutants.candidates.texts import TextEdit, text_edits
from mlflow_conformance.mutants.mutant import Breakage, By
from mlflow_conformance.stand.deploy.schemas import problems

_UNCHANGED = frozenset({"Job"})
_KEPT = frozenset({"Namespace", "Secret", "StatefulSet", "PersistentVolumeClaim", "StorageClass"})
"""What is not deleted as a whole: with it would go what cannot be put back."""
_ROLLED_BY = "mlflow-conformance/candidate"
"""An annotation of templates: pods are made anew by it when what they read has changed."""


@dataclass(frozen=True)
class Candidate:
    """One single change.

    Attributes:
        name: what is changed and by which operator, such as
            ``networkpolicy/mlflow spec.ingress[0] drop``; stable as long as the manifest is.
        breakage: the change, as a mutant says it.
        checks: those that could notice, in the profile's order.
        refused: why no API server takes it; empty when the schemas of Kubernetes let it pass.
    """

    name: str
    breakage: Breakage
    checks: Sequence[str]
    refused: str = ""

    @property
    def file(self) -> str:
        """A name for a file or folder."""
        words = re.sub(r"[^a-z0-9]+", "-", self.name.lower())[:80].strip("-")
        return f"{words}-{sha256(self.name.encode()).hexdigest()[:8]}"


def candidates(
    manifests: Sequence[Manifest], names: Names, known: Iterable[str]
) -> list[Candidate]:
    """Every candidate of a deployment.

    Args:
        manifests: the deployment, rendered.
        names: where its parts are.
        known: the checks that its profile expects, in their order.
    """
    known = list(known)
    found = [m for m in sorted(manifests, key=_address) if m["kind"] not in _UNCHANGED]
    selected = {key for m in found for key in selected_keys(m)}
    return [c for m in found for c in _of(m, found, names, selected, known)]


def sampled(all_of_them: Sequence[Candidate], most: int, seed: int) -> list[Candidate]:
    """At most so many of them, drawn by a seed, in their order."""
    if most >= len(all_of_them):
        return list(all_of_them)
    drawn = random.Random(seed).sample(range(len(all_of_them)), most)  # noqa: S311 - no secret
    return [all_of_them[at] for at in sorted(drawn)]


def _of(
    manifest: Manifest,
    manifests: Sequence[Manifest],
    names: Names,
    selected: set[str],
    known: Sequence[str],
) -> Iterator[Candidate]:
    kind, address = str(manifest["kind"]), _called(manifest, names)
    read_by = readers(manifest, manifests) if kind in ("ConfigMap", "Secret") else []
    makers = read_by or ([manifest] if template_of(manifest) else [])
    parts = sorted({part_of(m, names) for m in makers})
    rolled = [m for m in read_by if m["kind"] in ROLLED]

    def made(
        operator: str, place: str, says: str, changes: list[ObjectChange], refused: str = ""
    ) -> Candidate:
        name = " ".join(word for word in (address, place, operator) if word)
        breakage = Breakage(
            breaks=" ".join(word for word in (address, place, says) if word),
            by=By(objects=changes),
        )
        return Candidate(name, breakage, could_notice(kind, parts, place, known), refused)

    if kind not in _KEPT:
        yield made("delete", "", "is deleted", [_change(manifest, names, action="delete")])
    for edit in edits(manifest, selected):
        change = _change(manifest, names, patch_type="json", json_patch=edit.patch)
        yield made(edit.operator, edit.place.words, edit.says, [change], _refusal(manifest, edit))
    if kind in ("ConfigMap", "Secret"):
        for text in text_edits(manifest):
            changes = _read_anew(_text_change(manifest, names, text), rolled, names)
            yield made(text.operator, text.place.words, text.says, changes)


def _change(manifest: Manifest, names: Names, **what: object) -> ObjectChange:
    meta = manifest["metadata"]
    space = meta.get("namespace")
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    kind = str(manifest["kind"]).lower()
    return ObjectChange.model_validate(
        {
            "kind": f"{kind}.{group}" if group else kind,
            "name": meta["name"],
            "namespace": space if space != names.namespace else None,
            **what,
        }
    )


def _text_change(manifest: Manifest, names: Names, text: TextEdit) -> ObjectChange:
    return _change(manifest, names, patch_type="merge", patch={"data": {text.key: text.new}})


def _read_anew(
    change: ObjectChange, rolled: Sequence[Manifest], names: Names
) -> list[ObjectChange]:
    """A change of what pods read when they start, with new pods.

    It comes first and last: changes are undone from the last to the first, and pods that are made
    anew when the templates are as they were must read what was there before.
    """
    if not rolled:
        return [change]
    again = {"spec": {"template": {"metadata": {"annotations": {_ROLLED_BY: "changed"}}}}}
    return [change, *(_change(m, names, patch_type="merge", patch=again) for m in rolled), change]


def _refusal(manifest: Manifest, edit: Edit) -> str:
    found = problems([edit.applied(manifest)])
    return str(found[0]) if found else ""


def _called(manifest: Manifest, names: Names) -> str:
    meta = manifest["metadata"]
    space = meta.get("namespace", names.namespace)
    name = meta["name"] if space == names.namespace else f"{space}/{meta['name']}"
    return f"{str(manifest['kind']).lower()}/{name}"


def _address(manifest: Manifest) -> tuple[str, str, str]:
    meta = manifest["metadata"]
    return str(manifest["kind"]), str(meta.get("namespace", "")), str(meta["name"])
