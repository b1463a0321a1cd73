# SPDX-License-Identifier: Apache-2.0
"""The table in the terminal, with and without colour, wide and narrow."""

import re
from dataclasses import replace

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
    assert rendered("mixed", width=300).startswith(
        "FAIL — 2 of 12 checks failed: NET-1, DIS-1; 3 more could not be decided. "
        "1 of 6 mutants survived: no-pdb. 1 of the profile's 13 checks was not run. "
        "The profile asks for less than its base production: 1 check left out, 1 changed. "
        "Do not ship.\n"
    )


def test_every_check_has_its_row() -> None:
    rows = re.findall(r"^ ([A-Z]{3}-\d) +([a-z]+) ", rendered("mixed"), re.MULTILINE)
    assert len(rows) == 12
    assert ("NET-1", "fail") in rows
    assert ("ART-7", "unknown") in rows
    assert ("REG-1", "waived") in rows


@pytest.mark.parametrize("log", ["healthy", "mixed", "crashed", "hostile", "hundred"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(log: str, width: int) -> None:
    assert max(cell_len(line) for line in rendered(log, width=width).splitlines()) <= width


def test_a_mutant_is_told_with_its_reason_and_what_broke_instead() -> None:
    told = judge(read(RECORDS / "mixed.jsonl"))
    survivor = next(m for m in told.mutations if m.mutant == "no-pdb")
    odd = survivor.model_copy(update={"mutated": "fail", "broke": ["other", ""]})
    text = terminal.render(replace(told, mutations=[odd]), width=200)
    (row,) = (" ".join(line.split()) for line in text.splitlines() if line.startswith(" no-pdb"))
    assert row == (
        "no-pdb DIS-1 pass → fail status-of-the-first "
        "SURVIVED: other, one without an ID broke 16.5 s"
    )


def test_the_mutation_score_is_by_check_and_by_observation() -> None:
    text = rendered("mixed", width=200)
    assert (
        "Mutation score: 5 of 6 mutants killed; "
        "of 19 observations with a bound in 6 checks, 5 shown to be able to break." in text
    )
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "HPA-1 1 of 1 1 of 3 maxreplicas, cpu-target" in rows


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
