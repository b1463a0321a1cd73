# SPDX-License-Identifier: Apache-2.0
"""What an upgrade would do to a database that is in use, told without changing anything there."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.upgrade.alembic_operations import (
    SchemaRevision,
    chain,
    read_migration,
    tables_of,
)

_SCRIPT = Path(__file__).parent / "scripts" / "database_state.py"
_STORE = "mlflow/store/"
_VERSIONS = "mlflow.store.db_migrations.versions."


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(_Frozen):
    """A table as PostgreSQL's own statistics have it: rows are an estimate, bytes hold indexes.

    Attributes:
        rows: None where it was never counted.
    """

    rows: int | None
    bytes: int


class Found(_Frozen):
    """What is in use."""

    version: str
    kind: str
    revision: str | None = None
    bytes: int = 0
    tables: dict[str, Table] = {}


class PlannedStep(_Frozen):
    """One migration that the upgrade would run.

    Attributes:
        locks: the strongest lock on each table that is there already.
        perhaps: tables that it may lock or write besides.
        work: what grows with a table.
        moves_rows: it reads or writes rows by statements of its own.
    """

    revision: str
    title: str
    locks: dict[str, str]
    perhaps: list[str]
    work: dict[str, list[str]]
    moves_rows: bool


def found(kube: Kube, names: MlflowNames) -> Found:
    """What MLflow a cluster has, and in which database; a ready pod of it tells.

    Raises:
        Unusable: there is no such pod, it cannot be asked, or its database is no PostgreSQL.
    """
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        raise Unusable(
            f"No pod of MLflow is ready in {kube.namespace}",
            remedy="Correct names.mlflow.selector of the profile, or see what its pods say",
        )
    script = _SCRIPT.read_bytes()
    try:
        said = kube.exec(
            ready[0].name, "python", "-", container=names.container, stdin=script, timeout_s=60
        )
        told = Found.model_validate(json.loads(said))
    except (KubeFailed, ValueError, ValidationError) as problem:
        raise Unusable(
            f"The pod {ready[0].name} does not tell what is deployed: {brief(str(problem))}",
            remedy="Use a context that may execute commands in MLflow's pods",
        ) from problem
    if told.kind != "postgresql":
        raise Unusable(
            f"MLflow's database is {told.kind or 'unknown'}, and only PostgreSQL's locks are known",
            remedy="Try the upgrade itself on a cluster of our own, without --plan",
        )
    return told


def steps(wheel: Path, revision: str | None) -> list[PlannedStep] | None:
    """The migrations of a version after a revision; None where it does not know that one.

    Args:
        wheel: of that version of MLflow.
    """
    migrations = _migrations(wheel)
    after = chain({m.revision: m for m in migrations}, revision)
    if after is None:
        return None
    return [
        PlannedStep(
            revision=m.revision,
            title=m.title,
            locks=m.locks,
            perhaps=m.perhaps,
            work=m.work,
            moves_rows=m.moves_rows,
        )
        for m in after
    ]


def _migrations(wheel: Path) -> Sequence[SchemaRevision]:
    sources = _sources(wheel)
    models = [text for name, text in sources.items() if name.endswith("models")]
    tables = {name: table for text in models for name, table in tables_of(text).items()}
    return [
        read_migration(text, tables, sources)
        for name, text in sources.items()
        if name.startswith(_VERSIONS) and not name.endswith("__init__")
    ]


def _sources(wheel: Path) -> Mapping[str, str]:
    """The modules of MLflow's stores, by their dotted names."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.removesuffix(".py").replace("/", "."): archive.read(name).decode("utf-8")
            for name in archive.namelist()
            if name.startswith(_STORE) and name.endswith(".py")
        }
