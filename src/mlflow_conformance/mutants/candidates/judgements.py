# SPDX-License-Identifier: Apache-2.0
"""Changes that no check need notice, each with why: a profile's file in ``mutants/generated/``.

    harmless:
      - changes: ["deployment/mlflow spec.template.*.env[PYTHONUNBUFFERED]*"]
        because: what it prints comes at other moments, and nothing reads it

A `*` in a change stands for any text. A change that is not there and that no check notices fails
the run of candidates.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Kind, Strict

FOLDER = "generated"
"""Below ``mutants/``, where the files of all profiles are."""


class Judgement(Strict):
    """Changes that are harmless for one reason."""

    changes: list[str] = Field(min_length=1)
    because: str = Field(min_length=20)

    def about(self, name: str) -> bool:
        """Whether it is about a candidate of this name."""
        return matching(self.changes, name)


class Judgements(Strict):
    """Everything that was judged of one profile's deployment."""

    harmless: list[Judgement]

    def why(self, name: str) -> str:
        """Why a candidate is harmless; empty when nobody has judged so."""
        return next((j.because for j in self.harmless if j.about(name)), "")

    def idle(self, names: Iterable[str]) -> Sequence[str]:
        """What is judged and is no candidate, or is judged by two: patterns with their fault."""
        known = list(names)
        faults = [
            f"{pattern!r} is no candidate"
            for judgement in self.harmless
            for pattern in judgement.changes
            if not any(_matches(pattern, name) for name in known)
        ]
        for name in known:
            if sum(judgement.about(name) for judgement in self.harmless) > 1:
                faults.append(f"{name!r} is judged twice")
        return faults


_KIND = Kind(Judgements, "what is judged of generated changes", "docs/mutants.md")


def judged(profile: str) -> Judgements:
    """What was judged for a profile, by its name; nothing where it has no file.

    Raises:
        Unusable: the file cannot be used.
    """
    path = assets.asset("mutants") / FOLDER / f"{profile}.yaml"
    return read(path) if path.is_file() else Judgements(harmless=[])


def read(path: Path) -> Judgements:
    """The judgements of a file.

    Raises:
        Unusable: it cannot be read, or holds something else.
    """
    return _KIND.read(path)[0]


def matching(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns, in which `*` stands for any text, is about a name."""
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
