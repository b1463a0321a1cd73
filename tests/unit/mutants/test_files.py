# SPDX-License-Identifier: Apache-2.0
"""Mutants of files: a copy is changed, at exactly one place, and the original never."""

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.mutants.files import edited
from mlflow_conformance.mutants.mutant import FileChange
from mlflow_conformance.run.agent import OPERATIONS
from mlflow_conformance.target.local import local_target

CHART = "k3d/mlflow/Chart.yaml"


def test_a_copy_is_changed_for_a_while() -> None:
    target = local_target(["http://localhost:1"], LocalInside(OPERATIONS))
    before = (assets.root() / "deployment" / CHART).read_text()
    with edited(target, [FileChange(path=CHART, find="name: mlflow", put="name: other")]) as broken:
        assert "name: other" in (broken.root / "deployment" / CHART).read_text()
        assert broken.root != target.root == assets.root()
    assert not broken.root.exists()
    assert (assets.root() / "deployment" / CHART).read_text() == before


@pytest.mark.parametrize(
    ("path", "find", "said"),
    [
        ("k3d/none.yaml", "x", "cannot be changed: No such file"),
        (CHART, "not there", "is 0 times in"),
        (CHART, "e", "and not once"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(path: str, find: str, said: str) -> None:
    target = local_target(["http://localhost:1"], LocalInside(OPERATIONS))
    with (
        pytest.raises(Unusable, match=said),
        edited(target, [FileChange(path=path, find=find, put="")]),
    ):
        pass
