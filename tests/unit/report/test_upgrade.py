# SPDX-License-Identifier: Apache-2.0
"""Go or no-go for an upgrade, from the logs of its stages, on every page."""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.model import Observation
from mlflow_conformance.report.schema import PATH
from mlflow_conformance.report.upgrade import files, page, telling
from repository import RECORDS, ROOT
from upgrades import BAD, GOOD, Checks, note, seconds, upgrade

WELL: Checks = {"TRK-1": [GOOD], "REG-3": [GOOD]}
FORWARD: Checks = {"UPG-5": [GOOD], "UPG-1": [GOOD, seconds("longest lock wait", 1.5)]}
BACK: Checks = {"UPG-2": [GOOD, seconds("recovery time", 40.0)]}


def made(folder: Path, **stages: Checks | None) -> Path:
    whole: dict[str, Checks | None] = {
        "before": WELL, "forward": FORWARD, "after": WELL, "back": BACK,
    }  # fmt: skip
    return upgrade(folder, **{**whole, **stages})  # type: ignore[arg-type]


def decision(folder: Path) -> str:
    return files.read(folder).decision


@pytest.mark.parametrize(
    ("stages", "decided", "told"),
    [
        (
            {},
            "go",
            "GO — 3.16.1 to 3.17.2, rolling: 3 checks passed, and none of 2 is worse on",
        ),
        (
            {"forward": {"UPG-1": [GOOD, BAD]}},
            "no-go",
            "NO-GO — 3.16.1 to 3.17.2, rolling: Somebody notices.",
        ),
        ({"back": {"UPG-2": [BAD]}}, "no-go", "Somebody notices."),
        ({"after": {**WELL, "TRK-1": [BAD]}}, "no-go", "Somebody notices."),
        (
            {"forward": {"UPG-1": []}},
            "undecided",
            "rolling: The upgrade under load (UPG-1) could not be judged.",
        ),
        ({"after": {**WELL, "TRK-1": []}}, "undecided", "TRK-1 on the version after could not be"),
        ({"before": {**WELL, "TRK-1": []}}, "go", "GO"),
        ({"before": {**WELL, "TRK-1": [BAD]}}, "go", "GO"),
        ({"before": {"TRK-1": [BAD]}, "after": {"TRK-1": [BAD]}}, "go", "GO"),
        (
            {"before": {"TRK-1": []}, "after": {"TRK-1": [BAD]}},
            "no-go",
            "Somebody notices.",
        ),
        ({"forward": {}}, "undecided", "the upgrade could not be judged."),
        ({"back": None}, "undecided", "the way back could not be judged."),
        (
            {"forward": {"UPG-1": [BAD], "UPG-5": []}, "back": None},
            "no-go",
            "rolling: Somebody notices; and 2 more reasons.",
        ),
    ],
)
def test_the_decision_is_that_of_the_evidence(
    tmp_path: Path, stages: dict[str, Checks | None], decided: str, told: str
) -> None:
    verdict = files.read(made(tmp_path, **stages))
    assert verdict.decision == decided
    assert told in telling.headline(verdict)
    assert verdict.exit_code == {"go": 0, "no-go": 1, "undecided": 2}[decided]


@pytest.mark.parametrize(
    ("impact", "sides", "told"),
    [
        ("", ("1", "2"), "NO-GO — 1 to 2, rolling: The upgrade under load (UPG-1) failed."),
        (
            "Requests that are sent meanwhile are refused by the server, or taken and never found.",
            ("3.16.1-of-ours", "3.17.2-of-ours"),
            "rolling: Requests that are sent meanwhile are refused by the server …",
        ),
        (
            "Or, as it was, what everybody relied on, all of it, was put to another place by it.",
            ("1" * 7, "2" * 8),
            "Or, as it was, what everybody relied on, all of it, was put to another place …",
        ),
        ("x" * 120, ("1", "2"), "NO-GO — 1 to 2, rolling: The upgrade under load (UPG-1) failed."),
        ("It is lost.", ("b" * 90, "a" * 90), f"{'b' * 23}… to {'a' * 23}…, rolling: It is lost."),
    ],
)
def test_the_headline_is_short_whatever_there_is_to_tell(
    tmp_path: Path, impact: str, sides: tuple[str, str], told: str
) -> None:
    made(tmp_path, forward={"UPG-1": [BAD]})
    changes = {
        "Somebody notices.": impact,
        '"3.16.1"': f'"{sides[0]}"',
        '"3.17.2"': f'"{sides[1]}"',
    }
    for log in tmp_path.rglob("evidence.jsonl"):
        text = log.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        log.write_text(text)
    line = telling.headline(files.read(tmp_path))
    assert line.endswith(told)
    assert len(line) <= telling.LONGEST


def test_what_failed_is_told_where_no_impact_has_room(tmp_path: Path) -> None:
    made(tmp_path, forward={"UPG-1": [BAD], "UPG-5": []})
    for log in tmp_path.rglob("evidence.jsonl"):
        text = log.read_text()
        for old, new in (("3.16.1", "b" * 20), ("3.17.2", "a" * 20), ("notices.", "n" * 60)):
            text = text.replace(old, new)
        log.write_text(text)
    assert telling.headline(files.read(tmp_path)).endswith(
        ", rolling: The upgrade under load (UPG-1) failed; and 1 more reason."
    )


def impacts() -> Iterator[tuple[str, str]]:
    """What every check of an upgrade says that its failure does to people, by its ID."""
    for path in sorted((ROOT / "suites" / "upgrade").glob("test_*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=str(name))]):
                    said = {k.arg: k.value for k in call.keywords}
                    yield name, ast.literal_eval(said["impact"])


def test_every_check_says_what_it_does_to_people_in_the_room_that_the_headline_has() -> None:
    told = dict(impacts())
    assert "UPG-1.traces" in told
    room = telling.LONGEST - len("NO-GO — 3.16.1 to 3.17.2, rolling: ; and 9 more reasons.")
    assert {name: said for name, said in told.items() if len(said.rstrip(".")) > room} == {}


def test_a_stage_that_could_not_be_run_says_why(tmp_path: Path) -> None:
    upgrade(tmp_path, before=WELL, forward=None, after=None, back=None, failed="no room")
    assert decision(tmp_path) == "undecided"
    causes = {c.about: c.reason for c in files.read(tmp_path).causes}
    assert causes["the upgrade"] == "no room"
    assert causes["the way back"] == "was not reached"


def test_a_stage_that_was_cut_short_proves_nothing(tmp_path: Path) -> None:
    log = made(tmp_path) / "b" / "evidence.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    assert decision(tmp_path) == "undecided"


def test_times_and_what_was_not_tried_come_from_the_checks(tmp_path: Path) -> None:
    forward = {"UPG-1": [GOOD, seconds("migration", 3.25), note("not tried", ["clusters of two"])]}
    verdict = files.read(made(tmp_path, forward=forward))
    assert [(t.check, t.name, t.seconds) for t in verdict.times] == [
        ("UPG-1", "migration", 3.25),
        ("UPG-2", "recovery time", 40.0),
    ]
    assert "UPG-1: clusters of two" in verdict.not_tried
    assert any("3 other checks" in each for each in verdict.not_tried)


def test_checks_are_told_by_what_they_are_about(tmp_path: Path) -> None:
    ids = ("UPG-2", "UPG-2.after", "UPG-3.models", "UPG-1.traces", "UPG-1", "UPG-4.api", "UPG-9")
    verdict = files.read(made(tmp_path, forward={i: [GOOD] for i in ids}, back={}))
    told = {area.name: [c.id for c in area.checks] for area in telling.areas(verdict)}
    assert told == {
        "Traces": ["UPG-1.traces"],
        "The upgrade under load": ["UPG-1"],
        "Data": ["UPG-3.models"],
        "API": ["UPG-4.api"],
        "The way back": ["UPG-2", "UPG-2.after"],
        "Other checks of the upgrade": ["UPG-9"],
    }


def test_every_page_is_written_and_says_the_same(tmp_path: Path) -> None:
    after = {"TRK-1": [BAD], "REG-3": [GOOD]}
    verdict = files.write_all(made(tmp_path, after=after))
    line = telling.headline(verdict)
    html = (tmp_path / "upgrade.html").read_text()
    assert "<b>NO-GO</b>" in html
    assert "1 verdict changed" in html
    assert "NO-GO" in (tmp_path / "summary.md").read_text()
    told = json.loads((tmp_path / "verdict.json").read_text())
    jsonschema.Draft202012Validator(json.loads(PATH.read_text())).validate(told)
    assert (told["headline"], told["exit_code"], told["verdict"]) == (line, 1, "fail")
    [changed] = [c for c in told["upgrade"]["compared"] if c["before"] != c["after"]]
    assert (changed["id"], changed["worse"]) == ("TRK-1", True)
    assert (tmp_path / "b" / "report.html").is_file()


def junit(folder: Path) -> dict[str, Any]:
    files.write_all(folder)
    root = ET.parse(folder / "junit.xml").getroot()
    return {
        "suites": [s.get("name", "").rpartition(" ")[2] for s in root],
        "failures": root.get("failures"),
        "decision": [child.tag for child in root[0][0]],
    }


def test_a_go_has_no_failure_for_readers_of_junit(tmp_path: Path) -> None:
    assert junit(made(tmp_path)) == {
        "suites": ["3.17.2", "a", "forward", "b", "back"],
        "failures": "0",
        "decision": [],
    }


@pytest.mark.parametrize(("seen", "tag"), [([BAD], "failure"), ([], "error")])
def test_what_is_no_go_is_a_failed_case(tmp_path: Path, seen: list[Observation], tag: str) -> None:
    assert junit(made(tmp_path, forward={"UPG-1": seen}))["decision"] == [tag]


def test_nothing_of_the_evidence_acts_in_the_page(tmp_path: Path) -> None:
    evil = GOOD.model_copy(update={"name": "<script>alert(1)</script>", "observed": "<b>x</b>"})
    files.write_all(made(tmp_path, forward={"UPG-1": [evil, note("not tried", "<i>y</i>")]}))
    html = (tmp_path / "upgrade.html").read_text()
    assert not any(tag in html for tag in ("<script>", "<b>x", "<i>y"))


def test_a_large_upgrade_still_is_a_small_page(tmp_path: Path) -> None:
    many = [
        GOOD.model_copy(update={"name": f"{n}" * 900, "observed": "o" * 900}) for n in range(90)
    ]
    made(tmp_path, forward={f"UPG-1.n{n}": many for n in range(12)})
    assert len(page.render(files.read(tmp_path)).encode()) <= page.LIMIT


def test_the_terminal_says_the_one_line_and_every_cause(tmp_path: Path) -> None:
    verdict = files.read(made(tmp_path, forward={"UPG-1": [BAD], "UPG-5": []}))
    said = telling.terminal(verdict).splitlines()
    assert said[0].startswith("NO-GO")
    assert [line.split()[0] for line in said[1:3]] == ["no-go", "undecided"]


def test_a_folder_without_stages_is_no_upgrade(tmp_path: Path) -> None:
    assert not files.is_upgrade(tmp_path)
    with pytest.raises(Unusable):
        files.read(tmp_path)


def test_a_rolling_upgrade_as_it_was_recorded_is_no_go_for_the_traces(tmp_path: Path) -> None:
    """3.16.1 to 3.17.2 on a cluster: old pods lose spans, and what they take is not found again."""
    folder = tmp_path / "upgrade"
    shutil.copytree(RECORDS / "upgrade-rolling", folder)
    verdict = files.write_all(folder)
    assert telling.headline(verdict).startswith(
        "NO-GO — 3.16.1 to 3.17.2, rolling: Traces that are sent while pods of both versions serve "
        "are refused …"
    )
    assert [(c.about, c.decision) for c in verdict.causes] == [
        ("UPG-1.traces", "no-go"),
        ("UPG-2", "undecided"),
    ]
    assert not any(c.changed for c in verdict.compared)
    told = {area.name: area.verdict for area in telling.areas(verdict)}
    assert told["The upgrade under load"] == "pass"
    times = {t.name: t.seconds for t in verdict.times}
    assert times["old pods were ready on the new schema for"] == 88.7
    assert "lost" in (folder / "upgrade.html").read_text()
