# SPDX-License-Identifier: Apache-2.0
"""report.html: one file, no script, nothing fetched; everything from the evidence is escaped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import JsonValue

from mlflow_conformance import __version__
from mlflow_conformance.core.brevity import cut
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.describing import promised
from mlflow_conformance.evidence.model import CheckFinished, Door, Observation
from mlflow_conformance.evidence.score import score
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.report import dashboards, words
from mlflow_conformance.report.alerts import alerts
from mlflow_conformance.report.attached import checks_with
from mlflow_conformance.report.code_spans import code_spans
from mlflow_conformance.report.courses import PAGE as ALERT_PAGE
from mlflow_conformance.report.courses import RECORD
from mlflow_conformance.report.disruptions import TIME_LINE, disruptions, on_time_line
from mlflow_conformance.report.lanes import since_the_fault
from mlflow_conformance.report.steps import steps

LIMIT = 300_000
"""Bytes that a report of 100 checks stays under; see `render`."""


@dataclass(frozen=True)
class Detail:
    """How much of the evidence a report repeats; all of it stays in evidence.jsonl.

    Attributes:
        text: characters of a sentence or name.
        value: characters of an observed or promised value.
        trace: characters of a traceback, counted from its end.
        rows: observations of one check.
    """

    text: int
    value: int
    trace: int
    rows: int


_WHOLE = Detail(text=4000, value=2000, trace=8000, rows=100)
_RICH = Detail(text=600, value=300, trace=2000, rows=30)
_BRIEF = Detail(text=200, value=80, trace=400, rows=6)
_SHORT = Detail(text=120, value=60, trace=200, rows=3)
_LEAST = Detail(text=60, value=20, trace=60, rows=1)

# What passed is cut before what did not, which somebody has to understand now.
_DETAILS = (
    (_WHOLE, _WHOLE),
    (_RICH, _RICH),
    (_RICH, _BRIEF),
    (_RICH, _SHORT),
    (_BRIEF, _SHORT),
    (_LEAST, _LEAST),
)

_FAULTS = 40
"""Lines of the table of faults, however small the page has to be."""


@dataclass(frozen=True)
class Rows:
    """The observations of one check as the report shows them."""

    telling: Sequence[Observation]
    others: Sequence[Observation]
    left_out: int


def render(run: RunVerdict, pictures: Mapping[str, str] | None = None) -> str:
    """The whole page.

    What checks observed has no upper size, and a page that a phone cannot open helps nobody: when
    the page grows over `LIMIT`, pictures are left out first, then long values and long lists are
    cut, with a note that says so.

    Args:
        pictures: data URIs by the path of an attachment.
    """
    *richer, last = _DETAILS
    for detail, of_passed in richer:
        if _least(run, detail, of_passed) <= LIMIT:
            for shown in (pictures or {}, {}):
                page = _page(run, detail, of_passed, shown)
                if len(page.encode()) <= LIMIT:
                    return page
    return _page(run, *last, {})


def _least(run: RunVerdict, otherwise: Detail, of_passed: Detail) -> int:
    """Bytes that a page has at the least, told without making it: that can take many seconds."""
    size = 0
    for judged in run.checks:
        if (record := judged.check) is None:
            continue
        detail = of_passed if judged.verdict is Verdict.PASS else otherwise
        told = (record.title, record.promise, record.impact, record.remedy)
        size += 400 + sum(min(len(t), detail.text) for t in told)
        for o in record.observations[: detail.rows]:
            size += 250 + min(len(o.name), detail.text)
            size += min(len(o.observed), detail.value) if isinstance(o.observed, str) else 0
            size += min(len(o.bound.source), detail.text) if o.bound else 0
    return size


def _page(run: RunVerdict, detail: Detail, of_passed: Detail, pictures: Mapping[str, str]) -> str:
    of = {v: [c for c in run.checks if c.verdict is v] for v in Verdict}
    told = alerts(run)
    return whole_page(
        "report.html.j2",
        run,
        words.headline(run),
        detail=detail,
        of_passed=of_passed,
        pictures=pictures,
        abridged=of_passed is not _WHOLE,
        failed=of[Verdict.FAIL],
        unknown=[c for c in of[Verdict.UNKNOWN] if c.check],
        silent=[c for c in of[Verdict.UNKNOWN] if not c.check],
        waived=of[Verdict.WAIVED],
        passed=of[Verdict.PASS],
        families=words.by_family(of[Verdict.PASS]),
        counts=[(v, len(of[v])) for v in _ORDER],
        target=list(_facts(run.run.target)),
        rows=rows,
        score=score(run),
        steps=steps(run),
        alerts=told,
        alert_lanes=since_the_fault(told[:_FAULTS]),
        alert_page=ALERT_PAGE if checks_with(run, RECORD) else None,
        dashboards=dashboards.told(run),
        dashboard_page=dashboards.PAGE if checks_with(run, dashboards.RECORD) else None,
        disruptions=disruptions(run),
        most_disruptions=_FAULTS,
        time_line=TIME_LINE if on_time_line(run) else None,
        total=words.total_seconds(run),
    )


_DOORS: dict[Door, str] = {
    "front": "the front door",
    "inside": "the inside door",
    "sql": "SQL",
    "s3": "S3",
    "kubernetes": "the Kubernetes API",
    "node": "the node",
    "none": "",
}

_ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.PASS)


def whole_page(template: str, run: RunVerdict, headline: str, **values: object) -> str:
    """A template with what every page shows, and values of its own."""
    return (
        _environment()
        .get_template(template)
        .render(
            run=run, start=run.run, headline=headline, tool_version=__version__, **values,
        )
    )  # fmt: skip


@cache
def _environment() -> Environment:
    """Templates of every page, with what they share: filters, and text made safe to show."""
    made = Environment(
        loader=PackageLoader("mlflow_conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    made.filters.update(
        alone=words.alone,
        code_spans=code_spans,
        cut=cut,
        door=_DOORS.__getitem__,
        duration=words.duration,
        fate=lambda m: words.fate(m, alive=True),
        family_name=lambda f: words.FAMILIES.get(f, ""),
        href=href,
        moment=_moment,
        outcome=outcome,
        plural=words.plural,
        shown=words.shown,
        unbroken=_unbroken,
        tail=_tail,
        title=words.title,
    )
    made.globals.update(promised=promised, words=words)
    return made


def _safe(value: object) -> object:
    # Runs on everything that a template prints, before it is escaped.
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def href(path: str) -> str | None:
    """A link to a file beside the report, or None for a path that leads out of the folder."""
    parts = path.replace("\\", "/").split("/")
    if path.startswith("/") or ".." in parts or not path.strip("./"):
        return None
    # A colon is quoted too, so that no path is taken for a scheme.
    return quote(path.encode("utf-8", "replace"), safe="/")


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _unbroken(text: str) -> Markup:
    """Text in which a name with a hyphen, such as a check ID, stays on one line."""
    return Markup(" ").join(
        Markup('<span class="whole">{}</span>').format(word)
        if "-" in word and len(word) <= 24
        else word
        for word in words.plain(text).split(" ")
    )


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else "…" + text[1 - limit :]


def _facts(target: dict[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """The description of the target, a line for each entry: nested ones are told in one line."""
    for key, value in target.items():
        if value in (None, "", [], {}):
            continue
        match value:
            case dict():
                told = " · ".join(f"{k} {words.shown(v)}" for k, v in value.items())
            case bool():
                told = "yes" if value else "no"
            case list():
                told = ", ".join(map(words.shown, value))
            case _:
                told = words.shown(value)
        name = "kind of target" if key == "kind" else key.replace("_", " ")
        yield name[:1].upper() + name[1:], told


def rows(check: CheckFinished, detail: Detail) -> Rows:
    """Broken bounds first and in the open, the rest folded; a check that holds shows all."""
    said = [(o, outcome(o)) for o in check.observations]
    telling = [o for o, what in said if what in ("broken", "incomparable")]
    others = [o for o, what in said if what in ("holds", "informs")]
    shown = telling[: detail.rows]
    rest = others[: detail.rows - len(shown)]
    return Rows(shown, rest, len(check.observations) - len(shown) - len(rest))
