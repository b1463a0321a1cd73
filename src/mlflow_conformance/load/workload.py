# SPDX-License-Identifier: Apache-2.0
"""Workloads: which operations are mixed, how connections are used, and where the mix comes from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Kind, Strict
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.load.arrivals import Process
from mlflow_conformance.load.operations import OPERATIONS

Connection = Literal["close", "keep-alive"]
"""`close`: every request on a connection of its own, so that each one meets the load balancer.
`keep-alive`: connections are kept and stay with the pod that they reached first."""


class Workload(Strict):
    """A mix of operations. Weights are relative; their sum does not matter."""

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    source: str = Field(min_length=1, description="where the weights come from")
    connection: Connection
    arrivals: Process
    timeout_s: float = Field(gt=0, le=600, description="a request that takes longer has failed")
    mix: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)

    @field_validator("mix")
    @classmethod
    def _known(cls, mix: dict[str, float]) -> dict[str, float]:
        for name in mix:
            if name not in OPERATIONS:
                raise ValueError(
                    f"there is no operation {name!r}{nearest(name, OPERATIONS).rstrip('?')}"
                )
        return mix

    @property
    def operations(self) -> list[str]:
        """Names of the mix in the order that `mlflow_conformance.load.arrivals` numbers them."""
        return sorted(self.mix)

    @property
    def needs_world(self) -> bool:
        """Whether objects must be made before the load begins."""
        return any(OPERATIONS[name].needs_world for name in self.mix)


_KIND = Kind(Workload, "a workload", "docs/load.md")


def load(name: str) -> Workload:
    """A workload that comes with the suite by its name, or one of a YAML file by its path.

    Raises:
        Unusable: there is no such workload, or it is not one.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        folder = assets.asset("loadtests")
        path = folder / f"{name}.yaml"
        if not path.is_file():
            names = sorted(p.stem for p in folder.glob("*.yaml"))
            raise Unusable(
                f"There is no workload {name!r}{nearest(name, names).rstrip('?')}",
                remedy=f"Name one of: {', '.join(names)}; or the path of a YAML file",
            )
    workload, _ = _KIND.read(path)
    return workload
