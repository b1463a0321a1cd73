# SPDX-License-Identifier: Apache-2.0
"""Breaks a target as a mutant says, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.mutants.files import edited
from mlflow_conformance.mutants.in_front import in_front_of
from mlflow_conformance.mutants.mutant import By
from mlflow_conformance.mutants.scripts import rewritten
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed
from mlflow_conformance.target.statements import executed


@contextmanager
def broken(target: Target, by: By, waiter: Waiter) -> Iterator[Target]:
    """The target, broken in one of the ways of mutants, for as long as the context lasts.

    Raises:
        Unusable: the target was not made by this program, or the mutant does not apply to it.
    """
    if not target.made_here:
        raise Unusable(
            "Mutants break a deployment on purpose and this one was not made by this program",
            remedy="Leave --context out: mutants run on a cluster of our own",
        )
    if by.proxy is not None:
        with in_front_of(target, by.proxy) as lied_about:
            yield lied_about
    elif by.scripts:
        with rewritten(target, by.scripts, waiter) as other:
            yield other
    elif by.sql is not None:
        with executed(target, by.sql.do, by.sql.undo, waiter):
            yield target
    elif by.files:
        with edited(target, by.files) as other:
            yield other
    else:
        with changed(target, by.objects, waiter):
            yield target
