# SPDX-License-Identifier: Apache-2.0
"""Mutants: a target broken on purpose, to prove that a check can fail.

One folder per mutant in ``mutants/``, with a ``mutant.yaml``::

    breaks: MLflow's PDB selects no pod
    kills: [DIS-1]
    by:
      objects:
        - {kind: poddisruptionbudget, name: "{pdb}", patch: {spec: {selector: {...}}}}

or, in place of ``objects``, a ``proxy`` that lies in front of the server (see
`mlflow_conformance.faults.lying_proxy`), ``files`` of ``deployment/`` that are changed in a copy
from which checks install something of their own, or ``scripts`` of the backup and restore that are
rewritten where their Jobs read them. Names in braces stand for the profile's own names, so that one
mutant serves every deployment.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, model_validator

from mlflow_conformance import assets
from mlflow_conformance.documents import Kind, Strict, nearest
from mlflow_conformance.errors import Unusable
from mlflow_conformance.profile import Names
from mlflow_conformance.run import Run
from mlflow_conformance.target.base import Target


class ObjectChange(Strict):
    """One object of the cluster: patched (strategic merge), deleted, or added; undone after."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None
    action: Literal["patch", "delete", "add"] = "patch"
    patch: dict[str, JsonValue] = Field(default={})
    patch_type: Literal["strategic", "merge", "json"] = "strategic"
    json_patch: list[dict[str, JsonValue]] = Field(default=[])
    manifest: dict[str, JsonValue] = Field(default={})


class ProxyRule(Strict):
    """How the lying proxy lies; see `mlflow_conformance.faults.lying_proxy`."""

    rule: str
    parameters: dict[str, JsonValue] = Field(default={})


class FileChange(Strict):
    """A text in a file of ``deployment/`` replaced by another; it stands there exactly once."""

    path: str = Field(min_length=1)
    find: str = Field(min_length=1)
    put: str


class ScriptChange(Strict):
    """A text in a script of the backup's and restore's Jobs replaced by another; there once."""

    file: str = Field(min_length=1)
    find: str = Field(min_length=1)
    put: str


class By(Strict):
    """What a mutant does: to objects, by a lying proxy, in files or in scripts; exactly one."""

    objects: list[ObjectChange] = Field(default=[])
    proxy: ProxyRule | None = None
    files: list[FileChange] = Field(default=[])
    scripts: list[ScriptChange] = Field(default=[])

    @model_validator(mode="after")
    def _one(self) -> "By":
        kinds = (self.objects, self.proxy, self.files, self.scripts)
        if sum(bool(kind) for kind in kinds) != 1:
            raise ValueError("a mutant has objects, a proxy, files or scripts: exactly one of them")
        return self


class MutantSpec(Strict):
    """A ``mutant.yaml``."""

    breaks: str = Field(min_length=5)
    kills: list[str] = Field(min_length=1)
    by: By


_KIND = Kind(MutantSpec, "a mutant", "docs/mutants.md")


@dataclass(frozen=True)
class Mutant:
    """One mutant by its folder's name."""

    name: str
    spec: MutantSpec

    def about(self, check_ids: list[str]) -> "Mutant":
        """The same mutant, to be noticed by these of its checks alone."""
        return replace(self, spec=self.spec.model_copy(update={"kills": check_ids}))


def read_all(folder: Path, known_ids: Mapping[str, object]) -> dict[str, Mutant]:
    """Every mutant of a folder, by name.

    Raises:
        Unusable: one is malformed or kills a check that does not exist.
    """
    mutants: dict[str, Mutant] = {}
    for path in sorted(folder.glob("*/mutant.yaml")):
        spec, _ = _KIND.read(path)
        for check_id in spec.kills:
            if check_id not in known_ids:
                raise Unusable(
                    f"{path} kills the check {check_id!r}, which does not exist"
                    + nearest(check_id, known_ids).rstrip("?"),
                    remedy="List the checks with `mlflow-conformance checks`",
                )
        mutants[path.parent.name] = Mutant(path.parent.name, spec)
    return mutants


def find(name: str, known_ids: Mapping[str, object]) -> Mutant:
    """One mutant by name.

    Raises:
        Unusable: there is none of that name.
    """
    mutants = read_all(assets.asset("mutants"), known_ids)
    if name not in mutants:
        raise Unusable(
            f"There is no mutant {name!r}{nearest(name, mutants).rstrip('?')}",
            remedy="List the mutants with `mlflow-conformance mutants --list`",
        )
    return mutants[name]


def placeholders(names: Names) -> dict[str, JsonValue]:
    """What the names in braces of a mutant stand for; those that end in `pods` are labels."""
    found: dict[str, JsonValue] = {
        "namespace": names.namespace,
        "deployment": names.mlflow.deployment,
        "service": names.mlflow.service,
        "container": names.mlflow.container,
        "hpa": names.mlflow.hpa,
        "pdb": names.mlflow.pdb,
        "backup": names.backup.cronjob if names.backup else None,
    }
    if names.postgresql:
        found["postgresql"] = names.postgresql.service
        found["postgresql pods"] = dict(names.postgresql.selector)
    if names.s3 and names.s3.selector:
        found["s3"] = (urlsplit(names.s3.endpoint).hostname or "").split(".")[0]
    return {k: v for k, v in found.items() if v}


def filled(value: Any, words: Mapping[str, JsonValue]) -> Any:
    """`value` with every ``{name}`` in its strings replaced; other braces stay.

    A string that is nothing but one ``{name}`` becomes what it stands for, labels included.
    """
    match value:
        case str():
            for word, meaning in words.items():
                if value == "{" + word + "}":
                    return meaning
                if isinstance(meaning, str):
                    value = value.replace("{" + word + "}", meaning)
            return value
        case list():
            return [filled(v, words) for v in value]
        case dict():
            return {filled(k, words): filled(v, words) for k, v in value.items()}
        case _:
            return value


@contextmanager
def broken(target: Target, mutant: Mutant, run: Run) -> Iterator[Target]:
    """The target, broken as the mutant says, for as long as the context lasts.

    Raises:
        Unusable: the target was not made by this program, or the mutant does not apply to it.
    """
    if not target.made_here:
        raise Unusable(
            "Mutants break a deployment on purpose and this one was not made by this program",
            remedy="Leave --context out: mutants run on a cluster of our own",
        )
    with ExitStack() as stack:
        if mutant.spec.by.proxy is not None:
            from mlflow_conformance.faults.lying_proxy import in_front_of

            yield stack.enter_context(in_front_of(target, mutant.spec.by.proxy))
        elif mutant.spec.by.scripts:
            from mlflow_conformance.faults.scripts import rewritten

            yield stack.enter_context(rewritten(target, mutant.spec.by.scripts, run.waiter))
        elif mutant.spec.by.files:
            from mlflow_conformance.faults.files import edited

            yield stack.enter_context(edited(target, mutant.spec.by.files))
        else:
            from mlflow_conformance.faults.objects import changed

            stack.enter_context(changed(target, mutant.spec.by.objects, run.waiter))
            yield target
