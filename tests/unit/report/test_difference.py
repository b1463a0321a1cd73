# SPDX-License-Identifier: Apache-2.0
"""The difference of two runs in a terminal, in a file, and as an exit code."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.difference import Difference, difference
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.report.difference import render, write
from repository import RECORDS


def between(before: str, after: str) -> Difference:
    return difference(*(recorded(RECORDS / f"{name}.jsonl") for name in (before, after)))


def test_no_difference_is_said_in_one_line() -> None:
    first, *sides = render(between("mixed", "mixed")).splitlines()
    assert first == "NO DIFFERENCE"
    assert [s.partition(":")[0] for s in sides] == ["Before", "After"]


def test_what_merely_varies_is_shown_and_is_no_difference() -> None:
    run = recorded(RECORDS / "healthy.jsonl")
    check = next(c.check for c in run.checks if c.id == "DIS-1" and c.check)
    seen = [o.model_copy(update={"observed": 14.9}) if o.unit == "s" else o
            for o in check.observations]  # fmt: skip
    again = replace(
        run,
        checks=[
            replace(c, check=check.model_copy(update={"observations": seen}))
            if c.id == "DIS-1"
            else c
            for c in run.checks
        ],
    )
    text = render(difference(run, again, values=True), width=200)
    assert text.startswith("NO DIFFERENCE\n")
    assert "holds: 14.9 s, promised ≤ 60 s" in text


def test_what_got_worse_is_told_before_and_after() -> None:
    text = render(between("healthy", "mixed"), width=400)
    assert text.startswith("WORSE — 6 checks differ: REG-1, ")
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert (
        "ART-7 verdict pass unknown: the profile expects this check and it never reported" in rows
    )
    assert (
        "time-until-ready-again: time until Ready again "
        "holds: 14.2 s, promised ≤ 60 s broken: 97.4 s, promised ≤ 60 s" in rows
    )
    assert "DIS-1 mutant no-pdb - survived" in rows
    assert render(between("mixed", "healthy")).startswith("DIFFERENT — ")


@pytest.mark.parametrize("after", ["mixed", "crashed", "hostile", "hundred"])
@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_and_is_text(after: str, width: int) -> None:
    text = render(between("healthy", after), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text


def test_it_is_written_for_programs(tmp_path: Path) -> None:
    found = between("healthy", "mixed")
    write(found, tmp_path / "diff.json")
    assert Difference.model_validate_json((tmp_path / "diff.json").read_bytes()) == found
    told = json.loads((tmp_path / "diff.json").read_text())
    assert (told["schema_version"], told["worse"]) == ("1", True)
    with pytest.raises(Unusable, match=r"cannot be written"):
        write(found, tmp_path / "no" / "diff.json")
