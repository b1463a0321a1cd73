# SPDX-License-Identifier: Apache-2.0
"""The words about a run of mutants: times by family, the slowest, and the suite's commits."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from mlflow_conformance.evidence.model import Mutation, RunStarted
from mlflow_conformance.evidence.score import times
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.report import mutant_words

MORE = "Tried with more than one state of the suite:"
SAME = "Each mutant and its check's family are what they were then."


def run_of(*mutations: tuple[str, str, float, str]) -> RunVerdict:
    started = RunStarted(
        run_id="r", started=datetime.now(UTC), tool_version="1", command=[], profile="k3d",
        profile_sha256="", target={}, seed=0, expected=[],
    )  # fmt: skip
    seen = [
        Mutation(
            mutant=name, check=check, breaks="b", healthy="pass", mutated="fail", killed=True,
            duration_s=seconds, code=code,
        )
        for name, check, seconds, code in mutations
    ]  # fmt: skip
    return judge([started, *seen])


def test_a_mutant_of_two_checks_took_its_time_once() -> None:
    run = run_of(
        ("a", "TRK-1", 60, ""), ("a", "TRK-2", 60, ""), ("b", "NET-1", 5, ""), ("c", "TRK-1", 7, "")
    )
    told = mutant_words.times(times(run, most=2))
    assert told == (
        "Mutants took 1 min 12 s: TRK 1 min 07 s, NET 5.0 s. The slowest: a 1 min 00 s, c 7.0 s."
    )


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (["", ""], ""),
        (["abc", "abc"], "All were tried with the suite at abc."),
        (
            ["abc", "def"],
            f"{MORE} 1 mutant at abc (m0); 1 mutant at def (m1). {SAME}",
        ),
        (
            ["abc", ""],
            f"{MORE} 1 mutant at abc (m0); 1 mutant at a commit that is not known (m1). {SAME}",
        ),
    ],
)
def test_the_commits_are_told(codes: Sequence[str], told: str) -> None:
    run = run_of(*((f"m{n}", "TRK-1", 1, code) for n, code in enumerate(codes)))
    assert mutant_words.codes(run) == told
