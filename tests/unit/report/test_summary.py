# SPDX-License-Identifier: Apache-2.0
"""summary.md tells a CI page what did not pass, and nothing in it acts as markup."""

import re

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.report import summary
from repository import RECORDS


def rendered(log: str) -> str:
    return summary.render(judge(read(RECORDS / f"{log}.jsonl")))


def test_the_headline_is_the_first_line() -> None:
    first, *_ = rendered("mixed").splitlines()
    assert first.startswith("## ❌ FAIL — 2 of 12 checks failed: NET-1, DIS-1; ")
    assert rendered("healthy").startswith("## ✅ PASS — all 12 checks passed.")
    assert rendered("crashed").startswith("## ❔ UNKNOWN — the run was cut short.")


def test_what_did_not_pass_comes_first_and_in_full() -> None:
    text = rendered("mixed")
    rows = re.findall(r"^\| ([A-Z]{3}-\d) \| \S+ (\w+)", text, re.MULTILINE)
    assert [verdict for _, verdict in rows[:6]] == ["fail"] * 2 + ["unknown"] * 3 + ["waived"]
    assert text.index("### NET-1 Only") < text.index("<details>")
    assert (
        "- **Observed:** `time-until-ready-again` time until Ready again: 97.4 s, promised ≤ 60 s"
        in text
    )
    assert "(source: promise DIS-1)" in text
    assert "- **What to do:** Look at the start of the new pod" in text
    assert "Mutation score: 5 of 6 killed" in text
    assert "| HPA-1 | `maxreplicas`, `cpu-target` |" in text
    assert "| ❌ SURVIVED |" in text


@pytest.mark.parametrize("log", ["mixed", "hostile", "hundred"])
def test_every_row_of_a_table_has_its_columns(log: str) -> None:
    columns = 0
    for line in rendered(log).splitlines():
        bars = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) if line.startswith("|") else 0
        assert not columns or bars in (0, columns)
        columns = bars


def test_hostile_text_is_text() -> None:
    text = rendered("hostile")
    assert "<script" not in text
    assert "<img" not in text
    assert "](javascript:" not in text
    assert not re.search(r"(?<!\\)[`\[\]]", text)
    assert "https://" not in text
    assert "@everyone" not in text
    assert "\x1b" not in text
    assert text.count("<details>") == text.count("</details>")


def test_what_a_profile_leaves_out_of_its_base_is_told_with_its_reason() -> None:
    told = rendered("mixed")
    assert "<summary>1 check of production left out by the profile</summary>" in told
    assert "- **BKP-1:** Backups are those of the managed PostgreSQL" in told
    assert "Other than in production: HPA-1 (thresholds.max\\_replicas)" in told
