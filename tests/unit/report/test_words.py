# SPDX-License-Identifier: Apache-2.0
"""The words of the reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import (
    Base,
    CheckFinished,
    Event,
    Expected,
    Mutation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.verdict import Verdict, judge
from mlflow_conformance.report import words
from repository import RECORDS

HEALTHY = read(RECORDS / "healthy.jsonl")
START = next(e for e in HEALTHY if isinstance(e, RunStarted))
END = next(e for e in HEALTHY if isinstance(e, RunEnded))
CHECK = next(e for e in HEALTHY if isinstance(e, CheckFinished))


def run(*events: Event, expected: int | list[Expected] = 0, **fields: object) -> str:
    rows = START.expected[:expected] if isinstance(expected, int) else expected
    update = {"expected": rows, "left_out": {}} | fields
    return words.headline(judge([START.model_copy(update=update), *events]))


def mutation(**fields: object) -> Mutation:
    healthy = Mutation(
        mutant="no-pdb",
        check="DIS-1",
        breaks="b",
        healthy="pass",
        mutated="fail",
        killed=True,
        duration_s=1,
    )
    return healthy.model_copy(update=fields)


def test_headlines() -> None:
    assert run(CHECK, END, expected=1) == "PASS — the only check passed. Good to ship."
    assert run(CHECK, END, expected=1, left_out={"A-1": "x"}) == (
        "PASS — the only check passed. 1 of the profile's 2 checks was not run. Good to ship as "
        "far as they go."
    )
    part = judge([START.model_copy(update={"expected": START.expected[:1]}), CHECK, END])
    assert words.headline(part, whole=False) == "PASS — the only check passed."
    assert run(END) == (
        "UNKNOWN — no check was expected and none reported. "
        "Not proven: do not ship on this evidence."
    )
    assert run(CHECK, expected=1) == (
        "UNKNOWN — the run was cut short. The only check passed. "
        "Not proven: do not ship on this evidence."
    )
    stopped = END.model_copy(update={"interrupted": "SIGTERM."})
    assert run(CHECK, stopped, expected=1).startswith(
        "UNKNOWN — the run was interrupted: SIGTERM. "
    )
    assert run(mutation(), END) == "PASS — the only mutant was killed."
    assert run(mutation(), mutation(), END) == "PASS — all 2 mutants were killed."
    assert run(mutation(), mutation(mutated="pass"), END) == (
        "FAIL — 1 of 2 mutants survived: no-pdb. Do not ship."
    )


def test_the_first_line_tells_what_was_not_run_and_not_asked_for() -> None:
    barred = Expected(id="A-9", promise="p", barred="it disturbs")
    assert run(CHECK, END, expected=[*START.expected[:1], barred], left_out={"A-1": "x"}) == (
        "UNKNOWN — 1 of 2 checks could not be decided: A-9. 2 of the profile's 3 checks were not "
        "run. Not proven: do not ship on this evidence."
    )
    base = Base(name="production", removed={"A-1": "w", "A-2": "w"}, changed={"A-3": ["tier"]})
    assert run(CHECK, END, expected=1, base=base) == (
        "PASS — the only check passed. The profile asks for less than its base production: 2 "
        "checks left out, 1 changed. Good to ship as far as they go."
    )
    changed = base.model_copy(update={"removed": {}})
    assert "The profile changes 1 row of its base production." in run(
        CHECK, END, expected=1, base=changed
    )
    assert "The profile changes 2 rows of its base production." in run(
        CHECK, END, expected=1,
        base=changed.model_copy(update={"changed": {"A-3": ["tier"], "A-4": ["tier"]}}),
    )  # fmt: skip
    same = changed.model_copy(update={"changed": {}})
    assert run(CHECK, END, expected=1, base=same) == "PASS — the only check passed. Good to ship."
    part = judge([START.model_copy(update={"expected": START.expected[:1]}), CHECK, END])
    assert words.headline(part, whole=False) == "PASS — the only check passed."


def test_what_could_not_be_decided_asks_for_nothing_of_the_deployment() -> None:
    broken = judge(read(RECORDS / "mixed.jsonl")).checks
    failed = next(c for c in broken if c.check and c.verdict is Verdict.FAIL)
    unknown = next(c for c in broken if c.check and c.verdict is Verdict.UNKNOWN)
    silent = next(c for c in broken if not c.check)
    assert failed.check
    assert words.what_now(failed) == [
        ("Impact", failed.check.impact),
        ("What to do", failed.check.remedy),
    ]
    assert unknown.check
    (what, text), (then, otherwise) = words.what_now(unknown)
    assert (what, then) == ("What to do", "If it fails then")
    assert text.startswith("Mend what the reason says, and run the check again")
    assert unknown.check.remedy in otherwise
    assert words.what_now(silent) == []


def test_a_long_list_of_names_is_cut() -> None:
    assert words.listed([f"A-{n}" for n in range(9)]).endswith("A-5 and 3 more")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.00 s"),
        (0.034, "0.03 s"),
        (2.34, "2.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (272.2, "4 min 32 s"),
        (3600, "1 h 00 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert words.duration(seconds) == told


@given(st.text())
def test_plain_text_holds_nothing_that_misleads(text: str) -> None:
    plain = words.plain(text)
    assert len(plain) == len(text)
    plain.encode("utf-8")
    assert not any(ord(c) < 0x20 and c not in "\t\n\r" for c in plain)
    assert words.plain(plain) == plain


@pytest.mark.parametrize("text", ["ü 漢字 🧑‍🔬 1…200 ≤ — é", "a\tb\nc"])
def test_plain_text_keeps_what_people_write(text: str) -> None:
    assert words.plain(text) == text


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("mlflow-conformance gate", "mlflow-conformance gate"),
        (
            "mlflow-conformance gate --profile=./m.yaml --context prod --check TRK-1 --check=DIS-1",
            "mlflow-conformance gate --profile=./m.yaml --context prod",
        ),
        (
            "pytest suites/tracking --profile k3d --seed 4 --reuse --output there",
            "pytest suites/tracking --profile k3d --reuse",
        ),
    ],
)
def test_one_check_again(command: str, again: str) -> None:
    run = START.model_copy(update={"command": command.split(), "seed": 7})
    assert words.alone(run, "TRK-1") == f"{again} --check TRK-1 --seed 7"


def test_words_of_a_command_are_quoted() -> None:
    run = START.model_copy(update={"command": ["mlflow-conformance", "gate", "--profile", "a b"]})
    assert "--profile 'a b' --check" in words.alone(run, "TRK-1")
