# SPDX-License-Identifier: Apache-2.0
"""The evidence of an upgrade as it lies in its folder, and the pages made of it."""

from pathlib import Path

from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.upgrade import UpgradeStage, UpgradeVerdict
from mlflow_conformance.report import write_all as write_run
from mlflow_conformance.report.files import replace
from mlflow_conformance.report.upgrade import document, junit, page, summary

PAGE = "upgrade.html"
_LOG = "evidence.jsonl"


def is_upgrade(folder: Path) -> bool:
    """Whether a folder holds an upgrade, rather than one run."""
    return any((folder / stage / _LOG).is_file() for stage in UpgradeStage)


def read(folder: Path) -> UpgradeVerdict:
    """An upgrade that was recorded, judged anew.

    Raises:
        Unusable: there is no log, or one is not the evidence of a run.
    """
    stages = {s: recorded(folder / s) for s in UpgradeStage if (folder / s / _LOG).is_file()}
    return UpgradeVerdict(recorded(folder), stages)


def write_all(folder: Path) -> UpgradeVerdict:
    """Write upgrade.html, junit.xml, summary.md and verdict.json, and the reports of every stage.

    Raises:
        Unusable: as `read`, or they cannot be written.
    """
    verdict = read(folder)
    for stage in verdict.stages:
        write_run(folder / stage / _LOG)
    for name, content in (
        (PAGE, page.render(verdict)),
        ("junit.xml", junit.render(verdict)),
        ("summary.md", summary.render(verdict)),
        ("verdict.json", document.render(verdict)),
    ):
        replace(folder / name, content)
    return verdict
