# SPDX-License-Identifier: Apache-2.0
"""The table in the terminal, with and without colour, wide and narrow."""

import re

import pytest
from rich.cells import cell_len

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.report import terminal
from repository import RECORDS

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def rendered(log: str, *, width: int = 80, color: bool = False) -> str:
    return terminal.render(judge(read(RECORDS / f"{log}.jsonl")), width=width, color=color)


def test_the_headline_is_the_first_line() -> None:
    assert rendered("mixed", width=200).startswith(
        "FAIL — 2 of 12 checks failed: NET-1, DIS-1; 3 more could not be decided. "
        "1 of 6 mutants survived: no-pdb. Do not ship.\n"
    )


def test_every_check_has_its_row() -> None:
    rows = re.findall(r"^ ([A-Z]{3}-\d) +(\w+) ", rendered("mixed"), re.MULTILINE)
    assert len(rows) == 12
    assert ("NET-1", "fail") in rows
    assert ("ART-7", "unknown") in rows
    assert ("REG-1", "waived") in rows


@pytest.mark.parametrize("log", ["healthy", "mixed", "crashed", "hostile", "hundred"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(log: str, width: int) -> None:
    assert max(cell_len(line) for line in rendered(log, width=width).splitlines()) <= width


def test_ids_verdicts_and_times_are_whole_at_80_columns() -> None:
    text = rendered("mixed")
    assert "…" not in re.sub("1…200", "", text)
    assert re.search(r"^ DIS-1 +fail .* 23\.8 s$", text, re.MULTILINE)
    assert "in all 4 min 32 s" in text


def test_colour_adds_nothing_but_colour() -> None:
    colored = rendered("mixed", color=True)
    assert "\x1b[1;31m" in colored
    plain = [line.rstrip() for line in ANSI.sub("", colored).splitlines()]
    assert plain == rendered("mixed").splitlines()


def test_hostile_text_is_text() -> None:
    text = rendered("hostile", width=200)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]markup[/bold]" in text
