# SPDX-License-Identifier: Apache-2.0
"""Which mutants a run is about: those that are named, and can break what is deployed."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.config.guides import folder_of
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.mutants.mutant import Mutant, MutantSpec

_BESIDE = "kind"


def chosen(
    mutants: Mapping[str, Mutant], only: Sequence[str], known_ids: Mapping[str, object]
) -> dict[str, Mutant]:
    """The mutants that are named, or that kill a check that is named; all when nothing is.

    One that is not named itself is about no other check than those that are.

    Args:
        only: mutants, checks such as ``TRK-1``, and families of checks such as ``TRK``.

    Raises:
        Unusable: a word is neither a mutant nor a check or family that has one.
    """
    if not only:
        return dict(mutants)
    for word in only:
        if not any(_names(m, i, [word]) for m in mutants.values() for i in m.spec.kills):
            names = [*mutants, *known_ids]
            raise Unusable(
                f"There is no mutant {word!r}, nor a check of that ID that has one"
                + nearest(word, names).rstrip("?"),
                remedy="List the mutants with `mlflow-conformance mutants --list`",
            )
    found = (m.about([i for i in m.spec.kills if _names(m, i, only)]) for m in mutants.values())
    return {m.name: m for m in found if m.spec.kills}


def _names(mutant: Mutant, check_id: str, words: Sequence[str]) -> bool:
    """Whether one of the words names the mutant, the check or the check's family."""
    return not {mutant.name, check_id, prefix_of(check_id)}.isdisjoint(words)


def breaks(spec: MutantSpec, deployment: HelmDeployment | KustomizeDeployment | None) -> bool:
    """Whether a mutant can break a deployment: one that changes files must change files of it.

    Those of `kind/` are what a check installs beside any deployment.
    """
    if not spec.by.files or deployment is None:
        return True
    parts = folder_of(deployment).parts
    of_it = {after for before, after in pairwise(parts) if before == "deployment"}
    return any(Path(change.path).parts[0] in {*of_it, _BESIDE} for change in spec.by.files)
