# SPDX-License-Identifier: Apache-2.0
"""upgrade.html: one file, no script, nothing fetched; everything from the evidence is escaped."""

from mlflow_conformance.evidence.upgrade import ABOUT, UpgradeVerdict
from mlflow_conformance.evidence.verdict import Verdict
from mlflow_conformance.report import words
from mlflow_conformance.report.html import Detail, rows, whole_page
from mlflow_conformance.report.upgrade.telling import about, areas, headline

LIMIT = 300_000
"""Bytes that the page stays under; evidence.jsonl of every stage holds all that is cut."""

_DETAILS = (
    Detail(text=2000, value=1200, trace=2000, rows=60),
    Detail(text=600, value=300, trace=1000, rows=30),
    Detail(text=300, value=120, trace=0, rows=10),
    Detail(text=160, value=60, trace=0, rows=3),
)


def render(verdict: UpgradeVerdict) -> str:
    """The whole page; long values and long lists are cut until it is small enough."""
    *richer, last = _DETAILS
    for detail in richer:
        page = _page(verdict, detail)
        if len(page.encode()) <= LIMIT:
            return page
    return _page(verdict, last)


def _page(verdict: UpgradeVerdict, detail: Detail) -> str:
    before, after = verdict.sides
    run = verdict.run
    return whole_page(
        "upgrade.html.j2",
        run,
        headline(verdict),
        verdict=verdict,
        tone=verdict.as_verdict,
        before=before,
        after=after,
        about=about,
        areas=areas(verdict),
        same=[c for c in verdict.compared if not c.changed],
        changed=[c for c in verdict.compared if c.changed],
        alike=[
            c.id
            for c in verdict.compared
            if c.before and c.after and c.before.verdict is c.after.verdict is Verdict.FAIL
        ],
        stages=[(stage, ABOUT[stage], run) for stage, run in verdict.stages.items()],
        seconds=words.total_seconds,
        detail=detail,
        abridged=detail is not _DETAILS[0],
        rows=rows,
        total=words.total_seconds(run),
    )
