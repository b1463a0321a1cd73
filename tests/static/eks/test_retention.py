# SPDX-License-Identifier: Apache-2.0
"""Backups stay for 30 days on EKS, and the newest good one for ever."""

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.config.assets import asset

NOW = datetime(2026, 3, 31, 2, tzinfo=UTC)
HOURS = st.sets(st.integers(min_value=0, max_value=24 * 90))


@pytest.fixture(scope="module")
def backup() -> Iterator[Any]:
    """The script, imported as the Job has it: beside the others."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(asset("deployment/k3d/mlflow/files")))
        yield importlib.import_module("backup")
    for name in {"backup", "envelope", "manifest", "schema"} - before:
        sys.modules.pop(name, None)


@given(good=HOURS, rest=HOURS)
def test_only_backups_older_than_30_days_go(backup: Any, good: set[int], rest: set[int]) -> None:
    def names(ages: set[int]) -> list[str]:
        return [backup.name_at(NOW - timedelta(hours=age)) for age in sorted(ages)]

    found = backup.Stored(good=names(good), rest=names(rest - good))
    limit = backup.name_at(NOW - timedelta(days=30))
    gone = set(backup.forgettable(found, None, limit))
    young = names({age for age in good if age <= 24 * 30})
    assert gone & set(found.good) == set(found.good) - set(young) - set(found.good[:1])
    assert all(found.good and name < found.good[0] for name in gone)


def test_names_sort_by_time(backup: Any) -> None:
    moments = [NOW + timedelta(seconds=n * 86_399) for n in range(400)]
    names = [backup.name_at(moment) for moment in moments]
    assert names == sorted(names)
