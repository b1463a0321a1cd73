# SPDX-License-Identifier: Apache-2.0
"""report.html: one file, no script, nothing fetched; everything from the evidence is escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import JsonValue

from mlflow_conformance import __version__
from mlflow_conformance.evidence.model import CheckFinished, Observation
from mlflow_conformance.evidence.verdict import (
    RunVerdict,
    Verdict,
    outcome,
    promised,
)
from mlflow_conformance.report import words

LIMIT = 300 * 1024
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


_DETAILS = (
    Detail(text=4000, value=2000, trace=8000, rows=100),
    Detail(text=600, value=300, trace=2000, rows=30),
    Detail(text=200, value=80, trace=400, rows=6),
    Detail(text=80, value=24, trace=80, rows=1),
)


@dataclass(frozen=True)
class Rows:
    """The observations of one check as the report shows them."""

    telling: Sequence[Observation]
    others: Sequence[Observation]
    left_out: int


@dataclass(frozen=True)
class Bar:
    """A span on the time line, in per mille of the whole run."""

    start: float
    width: float


def render(run: RunVerdict) -> str:
    """The whole page.

    What checks observed has no upper size, and a page that a phone cannot open helps nobody: when
    the page grows over `LIMIT`, long values and long lists are cut, with a note that says so.
    """
    page = ""
    for detail in _DETAILS:
        page = _page(run, detail)
        if len(page.encode()) <= LIMIT:
            break
    return page


def _page(run: RunVerdict, detail: Detail) -> str:
    of = {v: [c for c in run.checks if c.verdict is v] for v in Verdict}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            start=run.run,
            detail=detail,
            abridged=detail is not _DETAILS[0],
            headline=words.headline(run),
            failed=of[Verdict.FAIL],
            unknown=[c for c in of[Verdict.UNKNOWN] if c.check],
            silent=[c for c in of[Verdict.UNKNOWN] if not c.check],
            waived=of[Verdict.WAIVED],
            families=words.by_family(of[Verdict.PASS]),
            counts=[(v, len(of[v])) for v in _ORDER],
            target=list(_flat(run.run.target)),
            rows=lambda check: _rows(check, detail),
            bar=lambda at, seconds: _bar(run, at, seconds),
            total=words.total_seconds(run),
            tool_version=__version__,
        )
    )


_ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED, Verdict.PASS)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mlflow_conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    environment.filters.update(
        cut=words.cut,
        duration=words.duration,
        family_name=lambda f: words.FAMILIES.get(f, ""),
        href=href,
        moment=_moment,
        outcome=outcome,
        plural=words.plural,
        shown=words.shown,
        tail=_tail,
        title=words.title,
    )
    environment.globals.update(promised=promised)
    return environment


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


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else "…" + text[1 - limit :]


def _flat(value: dict[str, JsonValue], above: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = f"{above}{key}".replace("_", " ")
        if isinstance(item, dict):
            yield from _flat(item, f"{name} ")
        elif item not in (None, "", []):
            yield (
                name,
                ", ".join(map(words.shown, item))
                if isinstance(item, list)
                else (words.shown(item)),
            )


def _rows(check: CheckFinished, detail: Detail) -> Rows:
    """Broken bounds first and in the open, the rest folded; a check that holds shows all."""
    told = {"broken", "incomparable"}
    telling = [o for o in check.observations if outcome(o) in told]
    others = [o for o in check.observations if outcome(o) not in told]
    shown = telling[: detail.rows]
    rest = others[: detail.rows - len(shown)]
    return Rows(shown, rest, len(check.observations) - len(shown) - len(rest))


def _bar(run: RunVerdict, at: datetime, seconds: float) -> Bar:
    total = words.total_seconds(run) or 1.0
    start = min(max((at - run.run.started).total_seconds() / total, 0.0), 1.0)
    # Never thinner than can be seen, never over the end.
    width = min(max(seconds / total, 0.004), 1.0)
    return Bar(round(1000 * min(start, 1.0 - width), 1), round(1000 * width, 1))
