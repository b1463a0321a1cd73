# SPDX-License-Identifier: Apache-2.0
"""Cells held against what the profile allows."""

from collections.abc import Sequence

from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.network_policy.matrix import Cell


def expect_right(evidence: Evidence, name: str, cells: Sequence[Cell]) -> None:
    """Hold cells against their promise; the observation ``cells.wrong`` lists those that break it.

    Args:
        name: what the observation is called for people.

    Raises:
        Undecided: there are no cells.
    """
    if not cells:
        evidence.undecided("there was nothing to connect to")
    evidence.expect(
        "cells.wrong", name, [c.wrong for c in cells if c.wrong], "==", [], door="inside"
    )


def expect_promised(evidence: Evidence, beyond: Sequence[str]) -> None:
    """Hold what policies admit against the promise; the observation is ``policies.beyond``."""
    evidence.expect(
        "policies.beyond",
        "what policies admit beyond the promise",
        list(beyond),
        "==",
        [],
        door="kubernetes",
    )


def need_all_read(evidence: Evidence, unread: Sequence[str]) -> None:
    """Nothing was left unread by which a promise could be broken; after all that is judged.

    Raises:
        Undecided: something was.
    """
    if unread:
        evidence.undecided("; ".join(unread))


def expect_closed(evidence: Evidence, exposures: Sequence[str]) -> None:
    """Hold ways in from outside against the promise; the observation is ``exposures``."""
    evidence.expect(
        "exposures",
        "ways in from outside that are not promised",
        list(exposures),
        "==",
        [],
        door="kubernetes",
    )
