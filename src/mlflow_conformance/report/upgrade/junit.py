# SPDX-License-Identifier: Apache-2.0
"""junit.xml of an upgrade: a suite for the decision, and one for each stage."""

from xml.etree import ElementTree as ET

from mlflow_conformance.evidence.upgrade import Cause, Decision, UpgradeVerdict
from mlflow_conformance.report import junit, words
from mlflow_conformance.report.upgrade.telling import headline, told

_TAGS = {Decision.NO_GO: "failure", Decision.UNDECIDED: "error"}


def render(verdict: UpgradeVerdict) -> str:
    """The XML document: what speaks against the upgrade is a case of the suite ``upgrade``.

    A check that failed before and after alike is a failure of its stages, as in any run, and none
    of the suite ``upgrade``.
    """
    before, after = verdict.sides
    name = f"mlflow-conformance upgrade {before} to {after}"
    seconds = words.total_seconds(verdict.run)
    suites = [_decision(verdict, name, seconds)]
    suites += [junit.suite(run, f"{name}: {stage}") for stage, run in verdict.stages.items()]
    return junit.document(suites, name, seconds)


def _decision(verdict: UpgradeVerdict, name: str, seconds: float) -> ET.Element:
    made = ET.Element("testsuite")
    case = junit.case_of(made, "upgrade", "go", seconds)
    if verdict.decision is not Decision.GO:
        causes = "\n".join(map(_line, verdict.causes))
        junit.outcome(case, _TAGS[verdict.decision], verdict.decision, headline(verdict), causes)
    for key, value in junit.totals([made], name, seconds).items():
        made.set(key, value)
    return made


def _line(cause: Cause) -> str:
    return f"{cause.decision}: {told(cause)}"
