# SPDX-License-Identifier: Apache-2.0
"""Jobs like another, how a Job ended, and pods that are like a Job's."""

from typing import Any

import pytest

from mlflow_conformance.backup_restore.workbench import manifest, scripts_folder
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.backups import jobs

UID = "batch.kubernetes.io/controller-uid"
JOB: dict[str, Any] = {
    "metadata": {
        "name": "restore-1",
        "namespace": "mlflow",
        "uid": "1",
        "labels": {"app": "restore"},
        "ownerReferences": [{"kind": "CronJob"}],
    },
    "spec": {
        "backoffLimit": 3,
        "selector": {"matchLabels": {UID: "1"}},
        "template": {
            "metadata": {"labels": {"app": "restore", UID: "1", "job-name": "restore-1"}},
            "spec": {
                "containers": [
                    {
                        "name": "restore",
                        "command": ["python", "/opt/chart/restore.py"],
                        "env": [{"name": "BACKUP_FILE", "value": "good"}],
                    }
                ]
            },
        },
    },
    "status": {"active": 1},
}


def test_another_job_differs_by_its_words_alone() -> None:
    made = jobs.like(JOB, "restore-2", {"good": "bad"})
    assert made["metadata"] == {
        "name": "restore-2",
        "namespace": "mlflow",
        "labels": {"app": "restore"},
    }
    assert "selector" not in made["spec"]
    assert made["spec"]["backoffLimit"] == 3
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "restore"}
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "BACKUP_FILE", "value": "bad"}]
    assert JOB["spec"]["selector"], "the pattern was changed"


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ([], "unfinished"),
        ([{"type": "Suspended", "status": "False"}], "unfinished"),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], "unfinished"),
        (
            [
                {"type": "SuccessCriteriaMet", "status": "True"},
                {"type": "Complete", "status": "True"},
            ],
            "complete",
        ),
        ([{"type": "FailureTarget", "status": "True"}], "unfinished"),
        ([{"type": "Failed", "status": "True"}], "failed"),
    ],
)
def test_how_a_job_ended(conditions: list[dict[str, str]], outcome: str) -> None:
    assert jobs.outcome_of({"status": {"conditions": conditions}}) == outcome


def test_the_last_line_is_the_sentence() -> None:
    assert jobs.Job("j", "failed", "one\nNot restored.\n").sentence == "Not restored."
    assert jobs.Job("j", "absent", "").sentence == ""


def test_the_workbench_waits_instead_of_working() -> None:
    template = JOB["spec"]["template"]
    pod = manifest(template, "mlflow")
    assert pod["spec"]["containers"][0]["command"][0] == "sleep"
    assert pod["spec"]["containers"][0]["env"] == template["spec"]["containers"][0]["env"]
    assert pod["metadata"]["labels"]["app"] == "restore"
    assert template["spec"]["containers"][0]["command"][0] == "python"


def test_the_scripts_are_beside_the_one_that_is_run() -> None:
    assert scripts_folder(JOB["spec"]["template"]) == "/opt/chart"
    shell = {"spec": {"containers": [{"command": ["sh", "-c", "pg_dump | gzip"]}]}}
    with pytest.raises(Undecided, match="no Python script"):
        scripts_folder(shell)
