# SPDX-License-Identifier: Apache-2.0
"""The words about a run of mutants: what they took, and which code they were tried with."""

from mlflow_conformance.evidence.score import Times
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.report import words


def times(found: Times) -> str:
    """The time of each family and the slowest mutants, in two sentences."""
    families = [f"{words.line(prefix)} {words.duration(s)}" for prefix, s in found.families.items()]
    slowest = [f"{words.line(name)} {words.duration(s)}" for name, s in found.slowest]
    whole = words.duration(sum(found.families.values()))
    return f"Mutants took {whole}: {', '.join(families)}. The slowest: {', '.join(slowest)}."


def codes(run: RunVerdict) -> str:
    """Which commit or version of the suite tried the mutants, in one sentence; empty for unknown.

    One that was taken over from an earlier run is still what it was, and so is its check's family.
    """
    by_code: dict[str, list[str]] = {}
    for mutation in run.mutations:
        names = by_code.setdefault(words.line(mutation.code), [])
        if mutation.mutant not in names:
            names.append(words.line(mutation.mutant))
    if list(by_code) == [""]:
        return ""
    if len(by_code) == 1:
        return f"All were tried with the suite at {next(iter(by_code))}."
    told = [
        f"{words.plural(len(names), 'mutant')} at {code or 'a commit that is not known'} "
        f"({words.listed(names)})"
        for code, names in by_code.items()
    ]
    return (
        f"Tried with more than one state of the suite: {'; '.join(told)}. Each mutant and its "
        "check's family are what they were then."
    )
