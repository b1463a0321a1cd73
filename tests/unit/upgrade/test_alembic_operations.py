# SPDX-License-Identifier: Apache-2.0
"""What a migration locks and rewrites, as its source tells it."""

from textwrap import dedent

import pytest

from mlflow_conformance.upgrade.alembic_operations import (
    SchemaRevision,
    chain,
    read_migration,
    tables_of,
)

TABLES = {"SqlTrace": "trace_info", "SqlSpan": "spans", "SqlRun": "runs"}


def migration(body: str, *, helpers: dict[str, str] | None = None) -> SchemaRevision:
    head = 'revision = "b"\ndown_revision: str = "a"\n'
    return read_migration(f'"""Title.\n\nMore."""\n{head}{dedent(body)}', TABLES, helpers or {})


@pytest.mark.parametrize(
    ("operation", "locks", "work"),
    [
        ('op.add_column("runs", sa.Column("x"))', {"runs": "ACCESS EXCLUSIVE"}, {}),
        ('op.drop_column("runs", "x")', {"runs": "ACCESS EXCLUSIVE"}, {}),
        ('op.create_index("i", "runs", ["x"])', {"runs": "SHARE"}, {"runs": ["reads all rows"]}),
        ('op.drop_index("i", table_name="runs")', {"runs": "ACCESS EXCLUSIVE"}, {}),
        (
            'op.create_foreign_key("f", SqlTrace.__tablename__, "runs", ["x"], ["y"])',
            {"trace_info": "SHARE ROW EXCLUSIVE"},
            {"trace_info": ["reads all rows"]},
        ),
        (
            'op.alter_column("runs", "x", type_=sa.Text())',
            {"runs": "ACCESS EXCLUSIVE"},
            {"runs": ["may rewrite all rows"]},
        ),
        ('op.create_table("new", sa.Column("x"))', {}, {}),
    ],
)
def test_an_operation_is_the_lock_that_postgresql_takes(
    operation: str, locks: dict[str, str], work: dict[str, list[str]]
) -> None:
    found = migration(f"def upgrade():\n    {operation}\n")
    assert (found.revision, found.before, found.title) == ("b", "a", "Title.")
    assert (found.locks, found.work) == (locks, work)
    assert not found.moves_rows


def test_the_strongest_lock_of_a_table_counts() -> None:
    found = migration("""
        def upgrade():
            op.create_index("i", "runs", ["x"])
            op.add_column("runs", sa.Column("x"))
        """)
    assert found.locks == {"runs": "ACCESS EXCLUSIVE"}


def test_a_table_that_is_new_is_not_in_anybodys_way() -> None:
    found = migration("""
        def upgrade():
            op.create_table("new", sa.Column("x"))
            op.create_index("i", "new", ["x"])
        """)
    assert (found.locks, found.work) == ({}, {})


def test_the_batch_of_a_table_is_read_through_its_name() -> None:
    found = migration("""
        NAME = "runs"
        def upgrade():
            with op.batch_alter_table(NAME, schema=None) as batch_op:
                batch_op.add_column(sa.Column("x"))
        """)
    assert found.locks == {"runs": "ACCESS EXCLUSIVE"}


def test_functions_that_it_calls_count_and_others_do_not() -> None:
    found = migration("""
        def _add():
            op.add_column("runs", sa.Column("x"))
        def upgrade():
            _add()
        def downgrade():
            op.drop_table("spans")
        """)
    assert [o.name for o in found.operations] == ["add_column"]


@pytest.mark.parametrize(
    ("test", "table"),
    [('== "sqlite"', "spans"), ('!= "sqlite"', "runs"), ('== "postgresql"', "runs")],
)
def test_what_only_other_databases_do_is_left_out(test: str, table: str) -> None:
    found = migration(f"""
        def upgrade():
            if op.get_bind().dialect.name {test}:
                op.drop_table("runs")
            else:
                op.drop_table("spans")
        """)
    assert list(found.locks) == [table]


def test_rows_that_it_moves_itself_and_tables_that_only_a_run_tells() -> None:
    helper = "def columns():\n    return {'spans': 1, 'elsewhere': 2}\n"
    found = migration(
        """
        from mlflow.store.helper import columns
        def upgrade():
            op.add_column("runs", sa.Column("x"))
            for table in columns():
                op.add_column(table, sa.Column("x"))
            op.get_bind().execute("UPDATE trace_info SET x = 1")
        """,
        helpers={"mlflow.store.helper": helper},
    )
    assert found.moves_rows
    assert found.perhaps == ["spans"]


def test_tables_are_read_from_the_models() -> None:
    source = "class A(Base):\n    __tablename__ = 'a'\nclass B:\n    pass\n"
    assert tables_of(source) == {"A": "a"}


def test_the_way_from_a_revision_is_in_order() -> None:
    all_of_it = {
        n: SchemaRevision(n, before, "") for n, before in (("a", None), ("c", "b"), ("b", "a"))
    }
    assert [m.revision for m in chain(all_of_it, None) or ()] == ["a", "b", "c"]
    assert [m.revision for m in chain(all_of_it, "a") or ()] == ["b", "c"]
    assert chain(all_of_it, "c") == []
    assert chain(all_of_it, "newer") is None
