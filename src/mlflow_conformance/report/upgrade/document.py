# SPDX-License-Identifier: Apache-2.0
"""verdict.json of an upgrade: that of a run whose checks are the upgrade's, and what is beside."""

from dataclasses import replace

from mlflow_conformance.evidence.upgrade import Compared, UpgradeVerdict
from mlflow_conformance.report import words
from mlflow_conformance.report.upgrade.telling import headline
from mlflow_conformance.report.verdict_document import (
    ComparedCheck,
    MeasuredTime,
    StageDocument,
    UpgradeCause,
    UpgradeDocument,
    VerdictDocument,
    short,
)
from mlflow_conformance.report.verdict_document import (
    document as run_document,
)


def document(verdict: UpgradeVerdict) -> VerdictDocument:
    """The document: verdict, exit code and headline are those of the decision."""
    told = run_document(replace(verdict.run, checks=list(verdict.checks)))
    before, after = verdict.sides
    return told.model_copy(
        update={
            "verdict": verdict.as_verdict,
            "exit_code": verdict.exit_code,
            "headline": headline(verdict),
            "upgrade": UpgradeDocument(
                before=before,
                after=after,
                way=verdict.way,
                decision=verdict.decision,
                causes=[
                    UpgradeCause(decision=c.decision, about=short(c.about), reason=short(c.reason))
                    for c in verdict.causes
                ],
                stages=[
                    StageDocument(
                        stage=stage,
                        run_id=run.run.run_id,
                        verdict=run.verdict,
                        duration_s=round(words.total_seconds(run), 3),
                    )
                    for stage, run in verdict.stages.items()
                ],
                compared=[_compared(c) for c in verdict.compared],
                times=[
                    MeasuredTime(check=t.check, name=short(t.name), seconds=t.seconds)
                    for t in verdict.times
                ],
                not_tried=[short(each) for each in verdict.not_tried],
            ),
        }
    )


def render(verdict: UpgradeVerdict) -> str:
    """The document's JSON text."""
    return document(verdict).model_dump_json(indent=2) + "\n"


def _compared(compared: Compared) -> ComparedCheck:
    before, after = compared.before, compared.after
    return ComparedCheck(
        id=compared.id,
        before=before.verdict if before else None,
        after=after.verdict if after else None,
        worse=compared.worse,
        reason=short(after.reason) if after else "",
    )
