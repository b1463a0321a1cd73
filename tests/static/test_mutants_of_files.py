# SPDX-License-Identifier: Apache-2.0
"""Mutants of the chart's files break what they say and nothing else, seen without a cluster."""

from collections.abc import Mapping

import pytest

import shipped
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.mutants.files import edited
from mlflow_conformance.run.agent import OPERATIONS
from mlflow_conformance.security.installation import rendered_secrets, shared
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.stand.deploy.schemas import kubernetes_version
from mlflow_conformance.target.local import local_target

MUTANTS = {
    name: mutant
    for name, mutant in shipped.mutants().items()
    if any(change.path.startswith("k3d/mlflow/") for change in mutant.spec.by.files)
}
TYPO: Mapping[str, str] = {"mlflow.worker": "2"}
COMBINATION: Mapping[str, str] = {"autoscaling.minReplicas": "11"}
NAMES = ["postgresql-username", "s3-access-key", "minio-root-user"]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_chart_breaks_what_its_mutant_says(helm: Helm, name: str) -> None:
    target = local_target(["http://localhost:1"], LocalInside(OPERATIONS))
    with edited(target, MUTANTS[name].spec.by.files) as broken:
        chart = broken.root / "deployment" / "k3d" / "mlflow"

        def rendered(values: Mapping[str, str]) -> dict[str, str]:
            release = Release("mlflow", "mlflow", chart, settings=values)
            return rendered_secrets(helm.template(release, kube_version=kubernetes_version()))

        def accepted(values: Mapping[str, str]) -> bool:
            try:
                return bool(rendered(values))
            except ProgramRefused:
                return False

        same = shared({"one": rendered({}), "other": rendered({})}, NAMES)
        assert bool(same) == (name == "installs-fixed-passwords")
        assert accepted(TYPO) == (name == "refused-typo-accepted")
        assert accepted(COMBINATION) == (name == "refused-combination-accepted")
