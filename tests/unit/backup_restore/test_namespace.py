# SPDX-License-Identifier: Apache-2.0
"""A lost namespace: nothing is deleted before something is kept, and it always comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mlflow_conformance.backup_restore.namespace import remade
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import LostNames
from mlflow_conformance.config.names import (
    AuditorNames,
    MlflowNames,
    Names,
    RunnerNames,
)
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.target.backups.lines import Lines

_LOST = LostNames(keep="keep in {folder}", namespace="make", install="install")
_NAMES = Names(
    namespace="mlflow",
    mlflow=MlflowNames(deployment="mlflow", service="mlflow", selector={"app": "mlflow"}),
    auditor=AuditorNames(secret="auditor"),
    runner=RunnerNames(image="runner:1"),
)


@dataclass
class Scene:
    """A namespace with one Secret, and a terminal whose lines do what they are called."""

    namespace: str = "mlflow"
    number: int = 1
    there: bool = True
    stays: bool = False
    fail: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    secret: dict[str, Any] | None = field(
        default_factory=lambda: {
            "kind": "secret", "metadata": {"name": "auditor", "namespace": "mlflow"},
        }
    )  # fmt: skip

    def find(self, kind: str, name: str, **_: object) -> dict[str, Any] | None:
        if kind == "namespace":
            return {"metadata": {"uid": f"uid-{self.number}"}} if self.there else None
        return self.secret

    def delete(self, kind: str, name: str) -> None:
        assert (kind, name) == ("namespace", self.namespace)
        self.log.append("delete")
        if not self.stays:
            self.there, self.secret = False, None

    def put(self, given: dict[str, Any], *, new: bool) -> None:
        assert self.there
        self.secret = given
        if new:
            self.log.append(f"put {given['metadata']['name']}")

    def line(
        self, text: str, *, within_s: float, variables: Mapping[str, str] | None = None
    ) -> shell.Completed:
        word = text.splitlines()[1].split()[0]
        self.log.append(word)
        if word in self.fail:
            return shell.Completed((), 1, "", f"{word} does not work", 0)
        if word == "make":
            self.there, self.number = True, self.number + 1
        return shell.Completed((), 0, "", "", 0)


@dataclass
class _Prompt:
    scene: Scene

    def run(self, text: str, **options: Any) -> shell.Completed:
        return self.scene.line(text, **options)


def _remade(scene: Scene) -> Any:
    lines = Lines(cast("Any", _Prompt(scene)), {})
    return remade(cast("Kube", scene), _NAMES, _LOST, lines, Waiter(0.01))


def test_what_is_kept_comes_first_and_our_own_doors_before_the_installation() -> None:
    scene = Scene()
    found = _remade(scene)
    assert scene.log == ["keep", "delete", "make", "put auditor", "install"]
    assert found.uids == ("uid-1", "uid-2")
    assert (found.problems, found.ours) == ([], ["auditor"])


def test_nothing_is_deleted_when_nothing_was_kept() -> None:
    scene = Scene(fail={"keep"})
    with pytest.raises(Undecided, match="nothing was deleted, for nothing was kept"):
        _remade(scene)
    assert scene.log == ["keep"]


def test_a_namespace_that_does_not_go_is_not_made_again() -> None:
    scene = Scene(stays=True)
    with pytest.raises(TimedOut, match="gone: namespace mlflow"):
        _remade(scene)
    assert scene.log == ["keep", "delete"]


def test_lines_that_fail_are_told_and_the_others_run_nevertheless() -> None:
    scene = Scene(fail={"make"})
    found = _remade(scene)
    assert scene.log == ["keep", "delete", "make", "install"]
    assert found.uids == ("uid-1", "")
    assert found.problems == ["namespace: exit code 1: make does not work"]
