# SPDX-License-Identifier: Apache-2.0
"""Where checks install once more, each thing once, by the commands of the deployment's guide."""

import os
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from mlflow_conformance.cluster.inventory import inventory, left_behind
from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.config.profile import HelmDeployment
from mlflow_conformance.core import shell
from mlflow_conformance.core.closing import Closing
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.security.installation import Installation, rendered_secrets
from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.target.base import Target

SECOND, THIRD, REFUSED = "second", "third", "refused"
"""What the namespaces of installations are called after the one under test."""

_REMOVE = "helm uninstall $RELEASE -n $NAMESPACE --ignore-not-found --wait --timeout=$TIMEOUT"
_TEMPLATE = "helm template $RELEASE $CHART -n $NAMESPACE $SETTINGS"
_LIST = "helm list -n $NAMESPACE --all --short"
_INSTALL = "helm install $RELEASE $CHART -n $NAMESPACE $SETTINGS"
_APPLY = "kubectl apply -k $OVERLAY --dry-run=server"
_RENDER = "kubectl kustomize $KUSTOMIZATION"
_DELETE = "kubectl delete -k $KUSTOMIZATION --dry-run=server --output=name"


@dataclass
class Workshop(Closing):
    """Makes installations in namespaces of their own; each of them once, until it is closed.

    Attributes:
        prompt: its CHART and KUSTOMIZATION are those of the target's own files.
        make: a namespace of a name, made by a function, for as long as the context lasts.
        installations: those that were made, by what they are for.
        said: what the commands that installed there said, by what they are for.
    """

    target: Target
    guide: Guide
    prompt: Terminal
    waiter: Waiter
    make: Callable[[str, Callable[[], object]], AbstractContextManager[Installation]]
    installations: dict[str, Installation] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    _spaces: list[ExitStack] = field(default_factory=list, repr=False)

    def close(self) -> None:
        """Remove everything that was made, all at once; another one would be made anew."""
        spaces, self._spaces = self._spaces, []
        with uninterrupted(), ThreadPoolExecutor(max(1, len(spaces))) as pool:
            removals = [pool.submit(space.close) for space in spaces]
        self.installations.clear()
        self.said.clear()
        for removal in removals:
            removal.result()

    @property
    def seconds(self) -> float:
        """How long one command of an installation may take."""
        return self.waiter.seconds("deployment ready") + 60

    def run(self, name: str, what: str, settings: str = "") -> str:
        """Run a command of the guide for an installation; `GOOD`, or what was wrong."""
        return self.prompt.judged(
            self.guide.commands[name],
            within_s=self.seconds,
            watch_s=self.seconds,
            variables=self._variables(what, settings),
        )

    def namespace(self, what: str, how: str) -> Installation:
        """The namespace for something, made by a command of the guide the first time.

        Raises:
            Undecided: it could not be made.
        """

        def made() -> None:
            if (said := self.run(how, what)) != GOOD:
                raise Undecided(f"the namespace for a {what} installation was not made: {said}")

        if what not in self.installations:
            space = ExitStack()
            namespace = self.make(self._variables(what)["NAMESPACE"], made)
            self.installations[what] = space.enter_context(namespace)
            self._spaces.append(space)
        return self.installations[what]

    def second(self, settings: str) -> tuple[Installation, str]:
        """The second release of the chart, and what installing it said."""
        there = self.namespace(SECOND, "namespace")
        if SECOND not in self.said:
            there.empties.append(lambda: self._remove(SECOND))
            self.said[SECOND] = self.run("install-development", SECOND, settings)
        return there, self.said[SECOND]

    def left(self, there: Installation, passing: Collection[str]) -> list[str]:
        """What is in the cluster since a namespace was made; what our other ones hold not counted.

        Args:
            passing: kinds that come and go by themselves elsewhere.
        """
        others = {i.name for i in self.installations.values()} - {there.name}
        now = inventory(self.target.need_kube())
        mine = [t for t in now if t.namespace not in others and t.name not in others]
        return left_behind(there.before, mine, there.name, passing)

    def chart_secrets(self, settings: str) -> dict[str, str]:
        """Every entry of every Secret that a further release of the chart would get."""
        return _secrets(self._line(_TEMPLATE, THIRD, settings))

    def kustomization_secrets(self) -> dict[str, str]:
        """Every entry of every Secret that the kustomization itself holds."""
        return _secrets(self.prompt.run(_RENDER, within_s=self.seconds))

    def would_delete(self) -> list[str]:
        """What the documented removal of the kustomization would delete, without deleting it."""
        return self.prompt.run(_DELETE, within_s=self.seconds).stdout.split()

    def refusing(self) -> Installation:
        """The namespace in which nothing may be installed; whatever is, goes with it."""
        there = self.namespace(REFUSED, "namespace")
        if not there.empties:
            there.empties.append(lambda: self._remove(REFUSED))
        return there

    def try_chart(self, settings: str) -> shell.Completed:
        """What becomes of installing the chart where nothing may be."""
        return self._line(_INSTALL, REFUSED, settings)

    def releases(self) -> list[str]:
        """Names of the releases where nothing may be installed."""
        return self._line(_LIST, REFUSED).stdout.split()

    def try_overlay(self, folder: Path) -> shell.Completed:
        """What the server says to an overlay, which it does not apply."""
        variables = {"OVERLAY": str(folder)}
        return self.prompt.run(_APPLY, within_s=self.seconds, variables=variables)

    def _line(self, line: str, what: str, settings: str = "") -> shell.Completed:
        variables = self._variables(what, settings)
        return self.prompt.run(line, within_s=self.seconds, variables=variables)

    def _variables(self, what: str, settings: str = "") -> dict[str, str]:
        """What commands leave open, for an installation of that name."""
        return {
            "NAMESPACE": f"{self.target.names.namespace}-{what}",
            "SETTINGS": settings,
            "TIMEOUT": f"{self.waiter.seconds('deployment ready'):.0f}s",
        }

    def _remove(self, what: str) -> None:
        """Remove a release, however far it came; its namespace goes afterwards."""
        self._line(_REMOVE, what)


def settings_of(deployment: HelmDeployment, chosen: Mapping[str, str] | None) -> str:
    """The options of an installation of our own: the profile's values files, and what is chosen."""
    files = [f"--values={path}" for path in deployment.values]
    return " ".join([*files, *(f"--set={key}={value}" for key, value in (chosen or {}).items())])


def write_overlay(folder: Path, base: Path, patch: Mapping[str, JsonValue]) -> None:
    """Make a folder with a kustomization that patches another one."""
    folder.mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(base.resolve(), folder.resolve())],
        "patches": [{"patch": yaml.safe_dump(dict(patch))}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")


def _secrets(done: shell.Completed) -> dict[str, str]:
    return rendered_secrets(objects(done.stdout))
