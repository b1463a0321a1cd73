# SPDX-License-Identifier: Apache-2.0
"""What differs between two fingerprints, and what of it a migration means."""

from pathlib import Path

import pytest

from mlflow_conformance.upgrade.comparison import differences, rows_since, shortened
from mlflow_conformance.upgrade.fingerprint import RowFingerprint, TableContent, TableShape
from mlflow_conformance.upgrade.migration import Meant, MigrationRecord, Statement, assigned

NOTHING = MigrationRecord(seconds=0, statements=[]).meant()


def table(
    name: str = "tags", columns: str = "key value", key: str = "key", **rows: str
) -> TableContent:
    kinds = dict.fromkeys(columns.split(), "text")
    shape = TableShape(name, kinds, tuple(key.split()), len(rows), 1)
    return TableContent(shape, {f'["{k}"]': row for k, row in rows.items()})


def database(*tables: TableContent) -> RowFingerprint:
    return RowFingerprint({t.shape.name: t for t in tables})


def told(
    before: RowFingerprint, after: RowFingerprint, meant: Meant = NOTHING
) -> list[tuple[str, bool]]:
    return [(str(d), d.meant) for d in differences(before, after, meant)]


def did(*statements: str, values: tuple[str, ...] = ()) -> Meant:
    return MigrationRecord(
        seconds=1,
        statements=[Statement(sql=s, times=1, rows=1, values=list(values)) for s in statements],
    ).meant()


def test_the_same_has_no_difference_and_new_rows_are_none() -> None:
    before = database(table(a="1 2"))
    after = database(table(a="1 2", b="3 4"))
    assert told(before, after) == []
    assert rows_since(before, after) == {"tags": 1}


def test_another_value_is_told_by_column_and_key() -> None:
    after = database(table(a="1 9"))
    assert told(database(table(a="1 2")), after) == [
        ('tags.value: another value in 1 rows, such as ["a"]', False)
    ]
    meant = did('UPDATE tags SET "value"=? WHERE tags.key = ?')
    assert told(database(table(a="1 2")), after, meant)[0][1]
    assert not told(database(table(a="1 2")), after, did("UPDATE tags SET key=?"))[0][1]


def test_a_row_that_is_gone_is_meant_by_its_key_alone() -> None:
    before, after = database(table(a="1 2", b="3 4")), database(table())
    assert told(before, after) == [('tags: gone in 2 rows, such as ["a"]; ["b"]', False)]
    by_key = did("DELETE FROM tags WHERE tags.key IN (?)", values=("a",))
    assert told(before, after, by_key) == [
        ('tags: gone in 1 rows, such as ["a"]', True),
        ('tags: gone in 1 rows, such as ["b"]', False),
    ]
    everything = did("DELETE FROM tags")
    assert told(before, after, everything)[0][1]


def test_a_row_whose_key_is_written_has_another_key() -> None:
    before, after = database(table(a="1 2")), database(table(b="1 2"))
    assert told(before, after, did("UPDATE tags SET key=? WHERE key = ?"))[0][1]
    assert not told(before, after, did("UPDATE tags SET value=?"))[0][1]


def test_a_column_that_is_gone_is_told_with_its_values() -> None:
    before, after = database(table(a="1 2", b="3 -")), database(table(columns="key", a="1", b="3"))
    text = 'tags.value: the column is gone, with values in 1 rows, such as ["a"]'
    assert told(before, after) == [(text, False)]
    assert told(before, after, did("ALTER TABLE tags DROP COLUMN value")) == [(text, True)]


def test_a_new_column_and_another_type_are_told() -> None:
    other = table(columns="key value more", a="1 2 5")
    other.shape.columns["value"] = "json"  # type: ignore[index]
    found = told(database(table(a="1 2")), database(other))
    assert found == [
        ("tags.value: its type was text, and is json", False),
        ("tags.more: a new column, text", False),
    ]
    meant = did(
        "ALTER TABLE tags ADD COLUMN more TEXT", "ALTER TABLE tags ALTER COLUMN value TYPE x"
    )
    assert all(mine for _, mine in told(database(table(a="1 2")), database(other), meant))


def test_tables_that_come_and_go_are_told() -> None:
    one, two = database(table("old", a="1 2")), database(table("new"))
    assert told(one, two) == [
        ("old: the table is gone in 1 rows", False), ("new: a new table", False),
    ]  # fmt: skip
    meant = did("DROP TABLE old", "CREATE TABLE new ( id INTEGER )")
    assert all(mine for _, mine in told(one, two, meant))


def test_rows_without_their_key_cannot_be_told() -> None:
    after = database(table(columns="value", key="value", a="2"))
    assert ("tags: its key is gone, so that rows cannot be told in 1 rows", False) in told(
        database(table(a="1 2")), after
    )


@pytest.mark.parametrize(
    ("update", "columns"),
    [
        ("UPDATE t SET a=?, b=? WHERE t.c = ?", ["a", "b"]),
        ('UPDATE t SET "a"=(SELECT x.y FROM x WHERE x.z = t.z), b = ? FROM x WHERE 1', ["a", "b"]),
        ("UPDATE t SET a=coalesce(b, ?)", ["a"]),
    ],
)
def test_columns_that_an_update_assigns_to(update: str, columns: list[str]) -> None:
    assert list(assigned(update)) == columns


def test_constraints_are_no_columns() -> None:
    meant = did(
        "ALTER TABLE spans ADD CONSTRAINT fk_spans FOREIGN KEY(x) REFERENCES y (z)",
        "ALTER TABLE spans DROP CONSTRAINT fk_spans",
        "ALTER TABLE public.spans ADD COLUMN IF NOT EXISTS model_name VARCHAR(500)",
    )
    assert meant.columns == {("spans", "model_name")}


def test_a_fingerprint_survives_being_written_down(tmp_path: Path) -> None:
    found = database(table(a="1 2", b="3 4"), table("other"))
    found.kept_in(tmp_path / "f.gz")
    assert RowFingerprint.read(tmp_path / "f.gz") == found
    assert found.rows == 2


def test_a_long_list_is_cut() -> None:
    assert shortened(["a", "b", "c"], 2) == ["a", "b", "and 1 more"]
    assert shortened(["a"], 2) == ["a"]
