# SPDX-License-Identifier: Apache-2.0
"""The ways in which this program says that it cannot go on, or need not."""

import sys
from typing import Literal

from mlflow_conformance.core.brevity import KEPT, brief

SPEAKER = "mlflow-conformance: "
"""What its sentence on standard error begins with, by which `mutants` finds that of a gate."""


def say(sentence: str) -> Literal[3]:
    """Write a sentence to standard error; returns the exit code that it goes with."""
    sys.stderr.write(f"{SPEAKER}{sentence}\n")
    return 3


class Unusable(Exception):  # noqa: N818 - a state of the input, told to a person
    """The input or the environment cannot be used; the command line ends with exit code 3.

    Args:
        what: one sentence that says what is wrong, without its full stop.
        remedy: one sentence that says what to do about it, without its full stop.
    """

    def __init__(self, what: str, *, remedy: str) -> None:
        self.what = (what if len(what) <= KEPT else brief(what, KEPT)).rstrip(".")
        self.remedy = remedy.rstrip(".")
        super().__init__(f"{self.what}. {self.remedy}.")


class NotNow(Unusable):
    """What cannot be used at this moment may be usable a moment later.

    Whoever puts something back tries again (`mlflow_conformance.cluster.kept.insisted`).
    """


class Undecided(Exception):  # noqa: N818 - a verdict, not a defect
    """A check could not observe what it must judge: its verdict is ``unknown``.

    Args:
        reason: one sentence that says what could not be observed and why.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Enough(Exception):  # noqa: N818 - an end, not a defect
    """A check need not go on: what decides it has been observed."""
