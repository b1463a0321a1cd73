# SPDX-License-Identifier: Apache-2.0
"""SEC-3.refused: wrong values, which install nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core import shell
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security.thresholds import Refused, WrongPatch, WrongSetting
from mlflow_conformance.security.workshop import Workshop, settings_of, write_overlay
from mlflow_conformance.target.base import Target

_AT_ONCE = 2
"""Overlays that are rendered at the same time: each keeps a core busy."""


@check(
    "SEC-3.refused",
    impact="A typo is ignored, and MLflow runs as nobody wanted.",
    remedy="Refuse what the schema does not list, and combinations that cannot work, with a "
    "sentence.",
    disruptive=True,
    writes=("cluster",),
)
def test_wrong_values_are_refused(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    workshop: Workshop,
    tmp_path: Path,
) -> None:
    """A wrong value is refused with a sentence, and nothing is installed.

    Steps: install with each wrong value of the profile: in a namespace of the check's own (helm),
    or as an overlay that the server judges and does not apply (kustomize).
    Expected: an exit code that is not 0 and the profile's sentence; no release and no object.
    """
    row = evidence.row(Refused)
    match deployment:
        case HelmDeployment():
            there = workshop.refusing()
            for name, wrong in row.wrong.items():
                if not isinstance(wrong, WrongSetting):
                    evidence.undecided(f"{name}: a chart is given settings, and no patch")
                done = workshop.try_chart(f"{settings_of(deployment, {})} {wrong.settings}")
                _judge_refusal(evidence, name, wrong.says.pattern, done)
            evidence.expect(
                "releases", "releases", workshop.releases(), "==", [], door="kubernetes"
            )
            left = workshop.left(there, row.passing)
            evidence.expect(
                "installed", "objects that were installed", left, "==", [], door="kubernetes"
            )
        case KustomizeDeployment():
            base = target.root / deployment.path
            for number, (name, wrong) in enumerate(row.wrong.items()):
                if not isinstance(wrong, WrongPatch):
                    evidence.undecided(f"{name}: a kustomization is given a patch, and no settings")
                write_overlay(tmp_path / str(number), base, wrong.patch)
            folders = [tmp_path / str(number) for number in range(len(row.wrong))]
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(workshop.try_overlay, folders))
            for (name, wrong), done in zip(row.wrong.items(), answers, strict=True):
                _judge_refusal(evidence, name, wrong.says.pattern, done)


def _judge_refusal(evidence: Evidence, name: str, says: str, done: shell.Completed) -> None:
    said = " ".join(done.stderr.split())
    evidence.note(f"{name}: what was said", said[-500:], door="kubernetes")
    evidence.expect("exit-code", f"{name}: exit code", done.code, "!=", 0, door="kubernetes")
    found = re.search(says, said) is not None
    evidence.expect("sentence", f"{name}: says {says}", found, "==", True, door="kubernetes")
