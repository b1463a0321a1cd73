# SPDX-License-Identifier: Apache-2.0
"""Every command of a deployment's guide, as the guide spells it and as it is spelled today.

`commands.yaml` beside a deployment holds them. Checks run what it says, and the documentation shows
it, so that neither can tell something else than the other.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Kind, Strict
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Undecided

FILE = "commands.yaml"


class Command(Strict):
    """One command of a guide."""

    section: str = Field(description="of the guide")
    guide: str = Field(description="as the guide spells it")
    now: str = Field(default="", description="as it is spelled today; empty when nothing changed")
    because: str = Field(default="", description="why it is spelled so, or not run at all")
    by: str | tuple[str, ...] = Field(
        default="", description="the check that runs it, or all that do; empty when none can"
    )
    program: Literal["bash", "python"] = Field(default="bash", description="what reads it")
    shows: str = Field(default="", description="regular expression that its output matches")
    endless: bool = Field(default=False, description="it goes on until it is stopped")
    meanwhile: str = Field(
        default="", description="what is run while an endless one goes on; `shows` is about this"
    )

    @model_validator(mode="after")
    def _is_run_or_says_why_not(self) -> "Command":
        if not self.checks and (self.now or not self.because):
            raise ValueError("a command that no check runs has no spelling, and says why")
        if self.meanwhile and not self.endless:
            raise ValueError("`meanwhile` belongs to a command that is endless")
        return self

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that run it, by their IDs."""
        match self.by:
            case str():
                return (self.by,) if self.by else ()
            case several:
                return several

    @property
    def line(self) -> str:
        """What is run."""
        return self.now or self.guide


class Guide(Strict):
    """The commands of one deployment's guide, in its order."""

    title: str = Field(description="of the guide")
    namespace: str = Field(description="the namespace that its commands name")
    commands: dict[str, Command] = Field(min_length=1, description="by a name of our own")

    def run_by(self, check_id: str) -> Mapping[str, Command]:
        """The commands that one check runs."""
        return {name: c for name, c in self.commands.items() if check_id in c.checks}


_KIND = Kind(Guide, "the commands of a guide", "docs/guides.md")


def read(path: Path) -> Guide:
    """The guide of a file.

    Raises:
        Unusable: it cannot be read or holds something else.
    """
    return _KIND.read(path)[0]


def folder_of(deployment: HelmDeployment | KustomizeDeployment) -> Path:
    """What a profile deploys from: the chart, or the kustomization; relative to the assets."""
    match deployment:
        case HelmDeployment():
            return Path(deployment.chart)
        case KustomizeDeployment():
            return Path(deployment.path)


def guide_of(deployment: HelmDeployment | KustomizeDeployment, namespace: str, root: Path) -> Guide:
    """The guide that lies in the deployment's folder or above it.

    Args:
        namespace: the one that its commands have to name.
        root: what holds the deployment's folder.

    Raises:
        Undecided: there is none, or it is about another namespace.
        Unusable: it cannot be read.
    """
    folder = folder_of(deployment)
    for parent in (folder, *folder.parents):
        path = root / parent / FILE
        if path.is_file():
            guide = read(path)
            if guide.namespace != namespace:
                raise Undecided(
                    f"the commands of {path} are about the namespace {guide.namespace}, and this "
                    f"deployment is in {namespace}"
                )
            return guide
    raise Undecided(f"there is no {FILE} beside {folder}: this deployment has no guide")
