# SPDX-License-Identifier: Apache-2.0
"""Which revision an image's migrations end with."""

import pytest

from mlflow_conformance.target.revisions import newest


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([("a", None), ("c", "b"), ("b", "a")], ["c"]),
        ([("a", None), ("b", "a"), ("c", "a")], ["b", "c"]),
        ([("a", None), ("b", "a"), ("c", "a"), ("d", ["b", "c"])], ["d"]),
        ([], []),
    ],
)
def test_the_newest_is_what_no_other_follows(
    steps: list[tuple[str, str | list[str] | None]], found: list[str]
) -> None:
    assert newest([{"revision": r, "down_revision": d} for r, d in steps] + [{}]) == found
