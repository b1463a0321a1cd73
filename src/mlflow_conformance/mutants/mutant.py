# SPDX-License-Identifier: Apache-2.0
"""Mutants: a target broken on purpose, to prove that a check can fail.

One folder per mutant in ``mutants/<family>/``, with a ``mutant.yaml``::

    breaks: MLflow's PDB selects no pod
    kills: [DIS-1]
    because: refused  # the ID of what must break, or a list; by check where they differ
    by:
      objects:
        - {kind: poddisruptionbudget, name: "{pdb}", patch: {spec: {selector: {...}}}}

or, in place of ``objects``, a ``proxy`` that lies in front of the server (see
`mlflow_conformance.mutants.lying_proxy`), ``files`` of ``deployment/`` that are changed in a copy
from which checks install something of their own, or ``scripts`` of the backup and restore that are
rewritten where their Jobs read them. Names in braces stand for the profile's own names, so that one
mutant serves every deployment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue, model_validator

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Kind, Strict
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest


class ProxyRule(Strict):
    """How the lying proxy lies; see `mlflow_conformance.mutants.lying_proxy`."""

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


class SqlChange(Strict):
    """Statements for MLflow's database, as its owner, and those that take them back."""

    do: str = Field(min_length=1)
    undo: str = Field(min_length=1)


class By(Strict):
    """What a mutant does: to objects, by a lying proxy, in files, in scripts or by SQL; one."""

    objects: list[ObjectChange] = Field(default=[])
    proxy: ProxyRule | None = None
    files: list[FileChange] = Field(default=[])
    scripts: list[ScriptChange] = Field(default=[])
    sql: SqlChange | None = None

    @model_validator(mode="after")
    def _one(self) -> "By":
        kinds = (self.objects, self.proxy, self.files, self.scripts, self.sql)
        if sum(bool(kind) for kind in kinds) != 1:
            raise ValueError(
                "a mutant has objects, a proxy, files, scripts or sql: exactly one of them"
            )
        return self


class Breakage(Strict):
    """What is broken, and how; a file of this alone is run with ``--mutant ./FILE.yaml``."""

    breaks: str = Field(min_length=5)
    by: By


Reason = Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
"""The ID of the observation that must break, or those of several, all of which must."""


class MutantSpec(Breakage):
    """A ``mutant.yaml``."""

    kills: list[str] = Field(min_length=1)
    because: Reason | dict[str, Reason]

    @model_validator(mode="after")
    def _every_kill_has_its_reason(self) -> "MutantSpec":
        if isinstance(self.because, dict) and sorted(self.because) != sorted(self.kills):
            raise ValueError("because names an observation for each check of kills, and no other")
        return self

    def reasons(self, check_id: str) -> list[str]:
        """The IDs of the observations of a check that must all break."""
        reason = self.because[check_id] if isinstance(self.because, dict) else self.because
        return [reason] if isinstance(reason, str) else reason


_KIND = Kind(MutantSpec, "a mutant", "docs/mutants.md")
_FILE = Kind(Breakage, "what is broken", "docs/mutants.md")


@dataclass(frozen=True)
class Mutant:
    """One mutant by its folder's name."""

    name: str
    spec: MutantSpec

    def about(self, check_ids: list[str]) -> "Mutant":
        """The same mutant, to be noticed by these of its checks alone."""
        return replace(
            self,
            spec=self.spec.model_copy(
                update={"kills": check_ids, "because": {i: self.spec.reasons(i) for i in check_ids}}
            ),
        )


def read_all(folder: Path, known_ids: Mapping[str, object]) -> dict[str, Mutant]:
    """Every mutant of a folder, by name.

    Raises:
        Unusable: one is malformed or kills a check that does not exist.
    """
    return {name: _read(path, known_ids) for name, path in _files(folder).items()}


def _files(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path for path in sorted(folder.glob("*/*/mutant.yaml"))}


def _read(path: Path, known_ids: Mapping[str, object]) -> Mutant:
    spec, _ = _KIND.read(path)
    for check_id in spec.kills:
        if check_id not in known_ids:
            raise Unusable(
                f"{path} kills the check {check_id!r}, which does not exist"
                + nearest(check_id, known_ids).rstrip("?"),
                remedy="List the checks with `mlflow-conformance checks`",
            )
    return Mutant(path.parent.name, spec)


def find(name: str, known_ids: Mapping[str, object]) -> Breakage:
    """What is broken, by a mutant's name or by the path of a file that says it.

    Raises:
        Unusable: there is none of that name, or the file cannot be used.
    """
    if name.endswith((".yaml", ".yml")):
        return _FILE.read(Path(name))[0]
    files = _files(assets.asset("mutants"))
    if name not in files:
        raise Unusable(
            f"There is no mutant {name!r}{nearest(name, files).rstrip('?')}",
            remedy="List the mutants with `mlflow-conformance mutants --list`",
        )
    return _read(files[name], known_ids).spec
