# SPDX-License-Identifier: Apache-2.0
"""What kubectl says, and what it loses."""

from pathlib import Path

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube


def _kube(folder: Path, says: str) -> Kube:
    """A cluster whose kubectl is a program that prints this, whatever it is asked."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\nprintf %s '{says}'\n")
    program.chmod(0o700)
    return Kube(Path("kubeconfig"), "a", "mlflow", str(program))


def test_what_a_command_prints_is_read(tmp_path: Path) -> None:
    assert _kube(tmp_path, '[{"seen": 1}]').exec_json("p", "python") == [{"seen": 1}]


@pytest.mark.parametrize("says", ["", '[{"seen": 1', "seen"])
def test_an_answer_that_is_lost_on_the_way_is_a_failure_with_a_sentence(
    says: str, tmp_path: Path
) -> None:
    with pytest.raises(KubeFailed, match=f"exec p: its answer was lost .* {len(says)} characters"):
        _kube(tmp_path, says).exec_json("p", "python")
