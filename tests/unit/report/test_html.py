# SPDX-License-Identifier: Apache-2.0
"""report.html says what a person needs, opens anywhere, and is not led by what it shows."""

import time
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from pydantic import JsonValue

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import Bound, CheckFinished, Event, Observation, RunStarted
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.report import html
from repository import RECORDS

LOGS = ["healthy", "mixed", "crashed", "hostile", "hundred"]
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """A page as a browser reads it; text of closed and of open elements alike."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.headings: list[tuple[int, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "elements are not nested"

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.words.append(data)
        if self.headings and {"h1", "h2", "h3"} & set(self._open):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [v or "" for _, n, v in self.attributes if n == name]


def source(log: str) -> str:
    return html.render(judge(read(RECORDS / f"{log}.jsonl")))


@pytest.fixture(scope="module", params=LOGS)
def any_source(request: pytest.FixtureRequest) -> str:
    return source(request.param)


@pytest.fixture(scope="module")
def mixed() -> Page:
    return Page(source("mixed"))


def test_the_headline_comes_first(mixed: Page) -> None:
    level, heading = mixed.headings[0]
    assert level == 1
    assert heading.startswith("FAIL — 2 of 12 checks failed: NET-1, DIS-1; 3 more could not")
    assert heading.endswith("Do not ship.")


def test_sections_come_in_the_order_of_need(mixed: Page) -> None:
    assert [text for level, text in mixed.headings if level == 2] == [
        "Failed 2",
        "Unknown 3",
        "Waived 1",
        "Passed 6",
        "Other than in production 2",
        "Left out 1",
        "Can these checks fail? 6",
        "Where the time went 4 min 32 s",
    ]


@pytest.mark.parametrize(
    "told",
    [
        (
            "from default to 5000/tcp from-default-to-tcp "
            "connected = timeout broken promise NET-1, seen through"
        ),
        "BKP-1 left out: Backups are those of the managed PostgreSQL",
        "HPA-1 its own: thresholds.max_replicas",
        "time until Ready again time-until-ready-again 97.4 s ≤ 60 s broken",
        "Any pod of the cluster can read and change every experiment",
        "Apply the NetworkPolicy mlflow in namespace mlflow",
        "Could not decide: the metrics API did not answer within 60 s",
        "Could not decide: ended with KeyError: 'ü/1.bin'",
        "ART-7 Every artifact URI in PostgreSQL has its object",
        "Waived until 2026-12-31 (end of day, UTC): Known limit of MLflow 3.17",
        "Without the waiver: fail.",
        "Mutation score 83 % : 5 of 6 mutants killed",
        "Started 2026-11-22 02:00:07 UTC",
        "Seed 2471830562",
        "kubernetes 1.35.4 · cilium 1.19.1 · mlflow 3.17.2",
        "mlflow-conformance gate --profile k3d",
        "images all 12 images are in the cache reused 3.1 s",
        "DIS-4 not in this tier",
    ],
)
def test_what_a_person_needs_is_told(mixed: Page, told: str) -> None:
    squeezed = mixed.text.replace(" ", "")
    assert told.replace(" ", "") in squeezed


def test_files_beside_the_report_are_linked(mixed: Page) -> None:
    links = mixed.values("href")
    assert {"diagnostics/NET-1", "attachments/NET-1-matrix.json", "evidence.jsonl"} <= set(links)


def test_a_pass_shows_its_observations_folded(mixed: Page) -> None:
    assert "params read by SQL" in mixed.text
    assert "open" not in [name for tag, name, _ in mixed.attributes if tag == "details"]


def test_a_healthy_run_asks_for_nothing() -> None:
    page = Page(source("healthy"))
    assert page.headings[0][1] == (
        "PASS — all 12 checks passed. 1 of the profile's 13 checks was not run. Good to ship as "
        "far as they go."
    )
    assert not {"Failed", "Unknown"} & {text.split()[0] for _, text in page.headings}
    assert "incomplete" not in page.text


def test_a_log_without_an_end_is_told_at_the_top() -> None:
    page = Page(source("crashed"))
    assert page.headings[0][1].startswith("UNKNOWN — the run was cut short.")
    assert page.text.index("This evidence is incomplete") < page.text.index("Profile")


def test_an_interruption_and_a_failed_step_are_told_at_the_top() -> None:
    page = Page(source("hostile"))
    assert page.text.index("This run was interrupted") < page.text.index("Profile")
    assert page.text.index("The step “") < page.text.index("Profile")


def test_nothing_is_fetched_and_nothing_runs(any_source: str) -> None:
    page = Page(any_source)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert not {"src", "srcset", "action", "data"} & {name for _, name, _ in page.attributes}
    for link in page.values("href"):
        assert not link.startswith(("/", ".."))
        assert ":" not in link
    style = any_source.partition("<style>")[2].partition("</style>")[0]
    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style
    assert "@import" not in style
    assert any("default-src 'none'" in v for v in page.values("content"))


def test_links_within_the_page_lead_somewhere(any_source: str) -> None:
    page = Page(any_source)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {v[1:] for v in page.values("href") if v.startswith("#")} <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_a_reader_by_ear_finds_the_way(any_source: str) -> None:
    page = Page(any_source)
    assert (page.tags["main"], page.tags["h1"], page.tags["footer"]) == (1, 1, 1)
    assert ("html", "lang", "en") in page.attributes
    levels = [level for level, _ in page.headings]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert page.tags["svg"] == page.values("aria-hidden").count("true")
    assert page.tags["th"] == len(page.values("scope"))
    assert ("meta", "content", "width=device-width, initial-scale=1") in page.attributes


def test_colour_is_never_the_only_sign(mixed: Page) -> None:
    chips = mixed.text
    for word in ("FAIL", "UNKNOWN", "WAIVED", "SURVIVED", "broken", "holds"):
        assert word in chips


def test_hostile_text_is_text() -> None:
    page = Page(source("hostile"))
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert not any(c in page.text for c in "\x1b\x00\u202e\ufffe")


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("diagnostics/NET-1", "diagnostics/NET-1"),
        ("a b/ü#?.txt", "a%20b/%C3%BC%23%3F.txt"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ('a"b', "a%22b"),
        ("/etc/passwd", None),
        ("//host/x", None),
        ("../x", None),
        ("a/../../x", None),
        ("..\\x", None),
        ("", None),
        (".", None),
    ],
)
def test_only_files_beside_the_report_are_linked(path: str, link: str | None) -> None:
    assert html.href(path) == link


@pytest.mark.parametrize("log", LOGS)
def test_a_report_is_small_and_made_at_once(log: str) -> None:
    run = judge(read(RECORDS / f"{log}.jsonl"))
    begun = time.process_time()
    page = html.render(run)
    assert time.process_time() - begun < 2
    assert len(page.encode()) <= html.LIMIT


@pytest.mark.parametrize(
    ("count", "observed"),
    [(60, "connected"), (100, {"a": ["x" * 500] * 10}), (20, '<">&' * 5000), (3, ["y" * 9000])],
    ids=["many", "wide", "escaped", "long"],
)
def test_a_report_of_a_hundred_checks_stays_small_whatever_they_saw(
    count: int, observed: JsonValue
) -> None:
    bound = Bound(op="==", value="<&>" * 2000, source="&" * 2000)
    seen = [Observation(name="<&>" * 500, observed=observed, bound=bound)] * count
    events: list[Event] = []
    for event in read(RECORDS / "hundred.jsonl"):
        match event:
            case CheckFinished():
                fields = {"observations": seen, "error": "<\n" * 9000, "impact": "&" * 5000}
                events.append(event.model_copy(update=fields))
            case RunStarted():
                events.append(event.model_copy(update={"command": ["&" * 9000]}))
            case _:
                events.append(event)
    run = judge(events)
    begun = time.process_time()
    page = html.render(run)
    assert time.process_time() - begun < 2
    assert len(page.encode()) <= html.LIMIT
    assert "evidence.jsonl holds all of them" in page
    assert Page(page).headings[0][1].startswith("FAIL — 100 of 100 checks failed")


def test_what_passed_is_cut_before_what_failed_and_before_the_table_of_faults() -> None:
    fault = Observation(
        name="disruption",
        observed={
            "scenario": "a crash", "proof": "exit code 137", "requests": 1000, "failed": 3,
            "outage_s": 0.2, "failing_s": 1.0, "acknowledged": 2000, "lost": 0, "whole_s": 9.0,
        },
    )  # fmt: skip
    good = Bound(op="==", value="x", source="s")
    noted = [Observation(name=f"noted {i}", observed="x", bound=good) for i in range(40)]
    broken = Observation(name="b", observed="y" * 200, bound=Bound(op="==", value="", source="s"))
    events: list[Event] = []
    for event in read(RECORDS / "hundred.jsonl"):
        if isinstance(event, CheckFinished):
            first = not any(isinstance(e, CheckFinished) for e in events)
            seen = [broken] * 20 if first else [fault, *noted]
            clean = {"observations": seen, "error": None, "undecided": None}
            events.append(event.model_copy(update=clean))
        else:
            events.append(event)
    run = judge(events)
    page = html.render(run)
    assert len(page.encode()) <= html.LIMIT
    assert page.count("y" * 200) == 20
    assert page.count("exit code 137</td>") == 40
    assert "59 more faults" in page
    assert "noted 39" not in page
