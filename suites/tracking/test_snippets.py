# SPDX-License-Identifier: Apache-2.0
"""The programs of the deployment's guide run as they are written."""

import sys
from typing import TYPE_CHECKING

from mlflow_conformance.config.guides import Guide
from mlflow_conformance.core import shell
from mlflow_conformance.doors.mlflow import RUN_PAGE, MlflowApi, answer
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.tracking.thresholds import Programs

if TYPE_CHECKING:
    from pathlib import Path


@check(
    "TRK-8.snippets",
    impact="The programs that people copy from the guide fail, or lose what they log.",
    remedy="Run the program named; look at what it complained about, and at the server's log.",
    disruptive=True,
    writes=("mlflow",),
)
def test_programs_of_the_guide(
    evidence: Evidence,
    sql: Sql,
    front: MlflowApi,
    guide: Guide,
    client_environment: dict[str, str],
    unique: Unique,
    belongings: Belongings,
    tmp_path: "Path",
) -> None:
    """The guide's programs run as they are written, and SQL reads what they logged.

    Steps:
        1. Run each program in a Python of its own, in an experiment of the check's own; programs
           that need a run get that of the one before.
        2. Read params, metrics and registered versions by SQL.

    Expected: the params and metrics of the profile, and the stage that a registered version got.
    """
    row = evidence.row(Programs)
    name, model = unique("experiment"), belongings.model(unique("model"))
    made = answer("experiments/create", front.post("experiments/create", name=name))
    belongings.experiment(made["experiment_id"])
    variables = {
        **client_environment,
        # Where a program names no experiment, and where it leaves the name to the reader.
        "MLFLOW_EXPERIMENT_NAME": name,
        "EXPERIMENT": name,
        "MODEL": model,
        # How the run is known: the page that MLflow's client prints.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "false",
    }
    programs = guide.run_by(evidence.id)
    if not programs:
        evidence.undecided("the guide of this deployment holds no program")
    for title, command in programs.items():
        done = shell.run(
            [sys.executable, "-"], stdin=command.line, cwd=tmp_path, env=variables,
            timeout_s=row.within_s, check=False,
        )  # fmt: skip
        if not evidence.expect(
            "exit-code", f"{title}: exit code", done.code, "==", 0, door="front"
        ):
            evidence.note(f"{title}: standard error", done.stderr[-1000:])
            return
        if shown := RUN_PAGE.search(done.stdout):
            variables["RUN_ID"] = shown["run"]
    if "RUN_ID" not in variables:
        evidence.undecided("no program printed the page of a run, so nobody knows what it logged")
    run_id = variables["RUN_ID"]
    params = sql.rows("SELECT key, value FROM params WHERE run_uuid = %s", run_id)
    evidence.expect("sql.params", "params", dict(params), "==", row.params, door="sql")
    metrics = sql.rows("SELECT key, value FROM metrics WHERE run_uuid = %s", run_id)
    evidence.expect("sql.metrics", "metrics", dict(metrics), "==", row.metrics, door="sql")
    stages = sql.column("SELECT current_stage FROM model_versions WHERE name = %s", model)
    evidence.expect(
        "sql.stages", "stages of the registered versions", stages, "==", row.stages,
        door="sql",
    )  # fmt: skip
