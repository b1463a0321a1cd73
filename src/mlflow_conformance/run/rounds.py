# SPDX-License-Identifier: Apache-2.0
"""Rounds: checks that run several times in one process, each time on a target of that time's own.

A file says which, as JSON, for it is written and read by this program alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, TypeAdapter, ValidationError

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.mutants.mutant import Breakage, find

_ENDED = "round ended: "


class Round(Strict):
    """One time that checks run.

    Attributes:
        folder: where it writes its own evidence.
        mutant: what the target is broken by meanwhile, by its name or the path of a file; None for
            the healthy one.
        checks: which, by their IDs, each with the observations that decide it: it ends as soon as
            all of these broke. Without any it goes on to its end.
    """

    folder: Path
    mutant: str | None = None
    checks: dict[str, list[str]] = Field(min_length=1)

    def tell_ended(self) -> None:
        """Say that all of its evidence is on disk, to whoever reads what this process prints."""
        tell(f"{_ENDED}{self.folder}")

    def ended_by(self, line: str) -> bool:
        """Whether a line of that process says so of this round."""
        return line.rstrip("\n").endswith(f"{_ENDED}{self.folder}")


_FILE: TypeAdapter[list[Round]] = TypeAdapter(list[Round])


@dataclass(frozen=True)
class RoundPlan:
    """What is to be played.

    Attributes:
        breakages: what each mutant of the rounds breaks.
    """

    rounds: Sequence[Round]
    breakages: Mapping[str, Breakage]

    @classmethod
    def read(cls, path: Path, known_ids: Mapping[str, object]) -> Self:
        """What a file says.

        Raises:
            Unusable: it cannot be read, or a mutant of it cannot be used.
        """
        try:
            found = _FILE.validate_json(path.read_bytes())
        except (OSError, ValidationError) as problem:
            said = " ".join(str(problem).split())
            raise Unusable(
                f"{path} says no rounds: {said}",
                remedy="Leave --rounds to `mlflow-conformance mutants`, which writes that file",
            ) from problem
        if not found:
            raise Unusable(f"{path} says no rounds", remedy="Leave --rounds out")
        return cls(found, {m: find(m, known_ids) for r in found if (m := r.mutant) is not None})


def write(path: Path, rounds: Sequence[Round]) -> None:
    """Say them in a file.

    Raises:
        Unusable: it cannot be written.
    """
    try:
        path.write_bytes(_FILE.dump_json(list(rounds), indent=1))
    except OSError as problem:
        raise Unusable(
            f"{path} cannot be written: {problem.strerror}",
            remedy="Make room or make the folder writable",
        ) from problem
