# SPDX-License-Identifier: Apache-2.0
"""A fault scenario: a folder of ``scenarios/`` with what it is and how it is carried out.

``scenario.yaml`` says what the fault hits, how it is proven and what it may disturb;
``experiment.yaml`` beside it is a chaostoolkit experiment that makes it and takes it back.
docs/scenarios.md lists every key.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Kind, Strict
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest

VictimKind = Literal["mlflow", "postgresql", "s3", "deployment", "node"]
"""What is hit: one pod of MLflow, of PostgreSQL or of the object store; MLflow's Deployment; a
node that runs a pod of MLflow and no store."""

ProofName = Literal[
    "container restarted",
    "container stopped",
    "link cut",
    "node drained",
    "node stopped",
    "pod replaced",
    "pods replaced",
    "update stuck",
]
"""How it is shown that the fault happened; see `mlflow_conformance.disruption.proofs`."""


class ScenarioSpec(Strict):
    """A ``scenario.yaml``."""

    title: str = Field(min_length=5, description="what happens, for the report")
    stands_for: str = Field(min_length=10, description="what it is in life")
    victim: VictimKind = Field(description="what is hit")
    proof: ProofName = Field(description="how it is shown that it happened")
    may_break: list[VictimKind] = Field(
        description="whose pods may change; every other pod of the cluster is a decoy"
    )
    changes_deployment: bool = Field(
        default=False, description="it changes MLflow's Deployment, which is put back afterwards"
    )
    recovers_by: str = Field(min_length=5, description="who puts it right again")


_KIND = Kind(ScenarioSpec, "a scenario", "docs/scenarios.md")


@dataclass(frozen=True)
class Scenario:
    """One scenario by its folder's name."""

    name: str
    spec: ScenarioSpec
    experiment: Path


def find(name: str) -> Scenario:
    """A scenario that comes with the suite.

    Raises:
        Unusable: there is none of that name, or its files are not as they must be.
    """
    folder = assets.asset("scenarios")
    if not (folder / name / "scenario.yaml").is_file():
        names = [p.parent.name for p in folder.glob("*/scenario.yaml")]
        raise Unusable(
            f"There is no scenario {name!r}{nearest(name, names).rstrip('?')}",
            remedy=f"Use one of: {', '.join(sorted(names))}",
        )
    return read(folder / name)


def read(folder: Path) -> Scenario:
    """The scenario of a folder.

    Raises:
        Unusable: a file is missing or not as it must be.
    """
    spec, _ = _KIND.read(folder / "scenario.yaml")
    experiment = folder / "experiment.yaml"
    if not experiment.is_file():
        raise Unusable(f"{folder} has no experiment.yaml", remedy="See docs/scenarios.md")
    return Scenario(folder.name, spec, experiment)
