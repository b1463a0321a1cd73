# SPDX-License-Identifier: Apache-2.0
"""Faults of a dose: a little less than what people are to be told of, and a little more."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.observability.asking import Mix, SentSearch
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.statements import executed

HIT = "registered-models"
"""What the faults are about; nothing else is slower for them, or fails."""
_SPARED = "experiments"
_SERVER_ERROR = 500
# By row-level security, which PostgreSQL evaluates for each row that a statement reads; of the
# class of errors that MLflow tells its callers as 503.
_FAIL = """
CREATE FUNCTION conformance_failing() RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'broken on purpose' USING ERRCODE = 'cannot_connect_now';
  END
$$;
ALTER TABLE registered_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE registered_models FORCE ROW LEVEL SECURITY;
CREATE POLICY conformance_failing ON registered_models USING (conformance_failing());
"""
_WELL = """
DROP POLICY IF EXISTS conformance_failing ON registered_models;
ALTER TABLE registered_models NO FORCE ROW LEVEL SECURITY;
ALTER TABLE registered_models DISABLE ROW LEVEL SECURITY;
DROP FUNCTION IF EXISTS conformance_failing();
"""


@contextmanager
def failing_models(target: Target, waiter: Waiter) -> Iterator[None]:
    """Every statement that reads registered models fails, as when the database goes away.

    Raises:
        NotNow: no pod of MLflow is ready, or the database did not answer.
        Unusable: the database refused it, or it could not be taken back.
    """
    with executed(target, _FAIL, _WELL, waiter):
        yield


def mixed(per_s: int, hit: int) -> Mix:
    """Requests of each second, so many of which meet the fault."""
    return {HIT: hit, _SPARED: per_s - hit}


def share_failed(sent: Sequence[SentSearch]) -> float:
    """The share of requests that the server failed to answer.

    Raises:
        Undecided: nothing was sent.
    """
    if not sent:
        raise Undecided("no request was sent, so that no share of them failed")
    failed = sum(s.status >= _SERVER_ERROR or s.status == 0 for s in sent)
    return failed / len(sent)


def quantile_s(sent: Sequence[SentSearch], share: float) -> float:
    """The time within which this share of the requests ended, seconds.

    Raises:
        Undecided: nothing was sent.
    """
    if not sent:
        raise Undecided("no request was sent, so that none took long")
    took = sorted(s.took_s for s in sent)
    return took[math.ceil(share * len(took)) - 1]
