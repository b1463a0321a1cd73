# SPDX-License-Identifier: Apache-2.0
"""junit.xml tells each verdict in the words that CI systems know."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.report import junit
from repository import RECORDS


def document(log: str) -> ET.Element:
    text = junit.render(judge(read(RECORDS / f"{log}.jsonl")))
    return ET.fromstring(text.encode("utf-8"))


def outcomes(root: ET.Element) -> dict[str, list[str]]:
    return {
        f"{c.get('classname')} {c.get('name')}": [e.tag for e in c if e.tag != "system-out"]
        for c in root.iter("testcase")
    }


@pytest.fixture(scope="module")
def mixed() -> ET.Element:
    return document("mixed")


def test_each_verdict_has_its_element(mixed: ET.Element) -> None:
    found = outcomes(mixed)
    assert found["NET NET-1"] == ["failure"]
    assert found["ART ART-1"] == ["error"]
    assert found["ART ART-7"] == ["error"]
    assert found["REG REG-1"] == ["skipped"]
    assert found["TRK TRK-1"] == []
    assert found["mutants no-pdb"] == ["failure"]
    assert found["mutants root-container"] == []


def test_the_counts_agree_with_the_cases(mixed: ET.Element) -> None:
    for element in (mixed, mixed[0]):
        assert {k: element.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
            "tests": "18",
            "failures": "3",
            "errors": "3",
            "skipped": "1",
        }
        assert element.get("time") == "272.200"


def test_a_waiver_is_told_as_the_message(mixed: ET.Element) -> None:
    skipped = mixed.find(".//testcase[@name='REG-1']/skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").startswith("Known limit of MLflow 3.17")


def test_a_failure_says_what_to_do(mixed: ET.Element) -> None:
    failure = mixed.find(".//testcase[@name='DIS-1']/failure")
    assert failure is not None
    assert failure.get("message") == "time until Ready again: 97.4 s, promised ≤ 60 s"
    for told in ("Promised: ", "Impact: ", "What to do: ", "Diagnostics: diagnostics/DIS-1"):
        assert told in (failure.text or "")


def test_a_healthy_run_has_no_outcome_but_passes() -> None:
    root = document("healthy")
    assert set(map(tuple, outcomes(root).values())) == {()}
    assert root.get("tests") == "12"


def test_a_run_cut_short_never_looks_like_a_pass(tmp_path: Path) -> None:
    log = tmp_path / "evidence.jsonl"
    log.write_bytes((RECORDS / "healthy.jsonl").read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    root = ET.fromstring(junit.render(judge(read(log))).encode("utf-8"))
    assert outcomes(root)["run complete"] == ["error"]
    assert root.get("errors") == "1"


def test_hostile_text_is_text() -> None:
    root = document("hostile")
    names = [c.get("name") or "" for c in root.iter("testcase")]
    assert any(n.startswith("<script>alert(1)</script>") for n in names)
    assert {e.tag for e in root.iter()} == {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
