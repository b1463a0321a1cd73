# SPDX-License-Identifier: Apache-2.0
"""What there was before, held against what there is."""

from dataclasses import replace

from mlflow_conformance.doors.inventory import Inventory, TableRow

BEFORE = Inventory(
    {"runs": 2, "tags": 5},
    {"run": frozenset({"a", "b"}), "trace": frozenset()},
    {"1/a": "e1", "1/b": "e2"},
)


def test_nothing_changed() -> None:
    assert BEFORE.appeared(BEFORE) == BEFORE.vanished(BEFORE) == []
    assert BEFORE.changed_rows(BEFORE) == {}


def test_every_difference_is_told() -> None:
    later = Inventory(
        {"runs": 2, "tags": 4, "new": 1},
        {"run": frozenset({"b", "c"}), "trace": frozenset({"t"})},
        {"1/b": "changed", "1/c": "e3"},
    )
    assert BEFORE.appeared(later) == ["run c", "trace t", "object 1/c"]
    assert BEFORE.vanished(later) == ["run a", "object 1/a", "object 1/b"]
    assert BEFORE.changed_rows(later) == {"new": [0, 1], "tags": [5, 4]}


def test_an_object_of_another_content_is_gone() -> None:
    later = replace(BEFORE, objects={**BEFORE.objects, "1/a": "other"})
    assert BEFORE.vanished(later) == ["object 1/a"]


def test_a_row_is_known_by_what_stands_in_it() -> None:
    row = TableRow("runs", '{"name": "absent-ffff"}')
    assert row.names_any(("nothing", "absent-f"))
    assert not row.names_any(("nothing",))
    assert str(row).startswith("runs: ")
