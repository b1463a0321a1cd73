# SPDX-License-Identifier: Apache-2.0
"""What `upgrade --plan` says of a database that is in use."""

import zipfile
from pathlib import Path

from mlflow_conformance.run.upgrade_plan import Plan, told
from mlflow_conformance.upgrade.preview import Found, PlannedStep, Table, steps

FOUND = Found(
    version="3.16.1",
    kind="postgresql",
    revision="a",
    bytes=199_000_000,
    tables={"spans": Table(rows=100_000, bytes=90_000_000), "runs": Table(rows=None, bytes=9_000)},
)
STEP = PlannedStep(
    revision="b",
    title="add analytics",
    locks={"spans": "ACCESS EXCLUSIVE"},
    perhaps=["trace_tags"],
    work={"spans": ["reads all rows"]},
    moves_rows=True,
)


def plan(*known: PlannedStep) -> list[str]:
    made = Plan(
        context="prod",
        namespace="mlflow",
        found=FOUND,
        to="3.17.2",
        steps=list(known),
        checks={"UPG-1": "Nothing fails"},
    )
    return list(told(made))


def test_it_says_what_is_there_what_each_migration_locks_and_what_would_be_tried() -> None:
    assert plan(STEP) == [
        "MLflow 3.16.1 in mlflow of prod, schema a, database 199 MB. Nothing was changed.",
        "To 3.17.2: 1 migration, in one transaction that keeps every lock to its end:",
        "  b  add analytics",
        "      spans (about 100000 rows, 90.0 MB): ACCESS EXCLUSIVE, reads all rows",
        "      reads or writes rows by statements of its own",
        "      may touch: trace_tags",
        "Not touched, the largest: runs (9.0 kB)",
        "`mlflow-conformance upgrade --from 3.16.1 --to 3.17.2` tries it on a cluster of its own:",
        "  UPG-1             Nothing fails",
    ]


def test_a_version_with_the_same_schema_needs_no_migration() -> None:
    assert "MLflow 3.17.2 has the same schema: no migration would run." in plan()


def test_migrations_are_read_from_the_wheel_alone(tmp_path: Path) -> None:
    wheel = tmp_path / "mlflow.whl"
    versions = "mlflow/store/db_migrations/versions"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("mlflow/store/tracking/dbmodels/models.py", "")
        made.writestr(f"{versions}/__init__.py", "")
        made.writestr(f"{versions}/a.py", 'revision = "a"\ndown_revision = None\n')
        made.writestr(
            f"{versions}/b.py",
            '"""add x"""\nrevision = "b"\ndown_revision = "a"\n'
            'def upgrade():\n    op.add_column("runs", x)\n',
        )
        made.writestr("mlflow/other.py", "this is no Python")
    [step] = steps(wheel, "a") or []
    assert (step.revision, step.title, step.locks) == ("b", "add x", {"runs": "ACCESS EXCLUSIVE"})
    assert steps(wheel, "b") == []
    assert steps(wheel, "c") is None
