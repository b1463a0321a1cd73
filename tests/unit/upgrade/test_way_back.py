# SPDX-License-Identifier: Apache-2.0
"""The way back: what was written is told from what is gone, and what refuses is heard."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.bounds import holds
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.upgrade import judging_back
from mlflow_conformance.upgrade.way_back import (
    BackedUp,
    RolledBack,
    missing,
    rolled_back,
    written,
)

SAYS = "Not starting: the tracking schema is newer: restore a backup taken before the upgrade."


class _Server:
    """Keeps runs in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None,
        timeout_s: float,
    ) -> Reply:  # fmt: skip
        asked = json.loads(body or b"{}")
        path = urlsplit(url)
        answer: dict[str, Any] = {}
        if path.path.endswith("runs/create"):
            run = f"run {len(self.runs)}"
            self.runs[run] = {"tags": asked["tags"]}
            answer = {"run": {"info": {"run_id": run, "artifact_uri": "x:/a"}}}
        elif path.path.endswith("runs/log-batch"):
            self.runs[asked["run_id"]] |= {k: asked[k] for k in ("params", "metrics")}
        elif path.path.endswith("runs/get"):
            found = self.runs.get(parse_qs(path.query)["run_id"][0])
            if found is None:
                return Reply(404, {}, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', 0)
            answer = {"run": {"data": found}}
        return Reply(200, {}, json.dumps(answer).encode(), 0)


def test_what_is_gone_or_changed_is_missing() -> None:
    server = _Server()
    api = MlflowApi("http://x", server, {})
    runs = written(api, "1", 3)
    assert missing(api, runs) == []
    del server.runs[runs[0]]
    server.runs[runs[2]]["params"] = []
    assert missing(api, runs) == [runs[0], runs[2]]


def test_what_was_backed_up_is_found_by_a_later_stage(tmp_path: Path) -> None:
    assert BackedUp.read(tmp_path) is None
    kept = BackedUp(
        experiment_id="1", runs=["a"], after=["b"], backup="c", outcome="complete", backed_up=1.5
    )
    kept.kept_in(tmp_path)
    assert BackedUp.read(tmp_path) == kept


def _cluster() -> Kube:
    """A pod of A whose init container refused, beside one of B that serves."""
    raw = {
        "spec": {
            "initContainers": [{"name": "schema", "image": "mlflow:1"}],
            "containers": [{"name": "mlflow", "image": "mlflow:1"}],
        },
        "status": {
            "initContainerStatuses": [{"name": "schema", "state": {"running": {}}}],
            "containerStatuses": [{"name": "mlflow", "state": {"waiting": {}}}],
        },
    }
    pod = Pod("a", "n", "1", None, None, "Pending", False, False, 0, None, {}, raw)
    logs = {"schema": f"{SAYS}\n{SAYS}\n"}
    return cast(
        Kube,
        SimpleNamespace(
            pods=lambda _labels: [pod], log=lambda _pod, container, lines: logs[container]
        ),
    )


def test_a_refused_rollback_says_why() -> None:
    def back(_seconds: float) -> None:
        raise ProgramRefused("helm rollback failed", remedy="none", output="")

    api = MlflowApi("http://x", _Server(), {})
    done = rolled_back(_cluster(), back, "mlflow:1", api, 1)
    assert (done.refused, done.sentences) == ("helm rollback failed", [SAYS])
    assert rolled_back(_cluster(), lambda _: None, "mlflow:1", api, 1).refused == ""


@pytest.mark.parametrize(
    ("sentences", "serving", "unanswered", "broken"),
    [
        ([SAYS], ["mlflow:2"], [], []),
        (["exit 1"], ["mlflow:2"], [], ["refused.named"]),
        ([SAYS], [], [], ["refused.serving"]),
        ([SAYS], ["mlflow:2"], ["1.0 s: HTTP 503"], ["refused.answers"]),
    ],
)
def test_a_refusal_is_judged(
    tmp_path: Path, sentences: list[str], serving: list[str], unanswered: list[str],
    broken: list[str],
) -> None:  # fmt: skip
    evidence = Evidence("UPG-2", "promise", tmp_path)
    done = RolledBack("helm rollback failed", 1, sentences, unanswered)
    judging_back.expect_refused(evidence, done, serving, "mlflow:2", "restore a backup")
    found = [o.id for o in evidence.observations if o.bound and not holds(o.bound, o.observed)]
    assert found == broken


@pytest.mark.parametrize(
    ("schema", "lost", "broken"),
    [
        ("one", [], []),
        ("two", [], ["back.schema"]),
        ("one", ["run 1"], ["back.lost"]),
    ],
)
def test_a_rollback_that_works_is_judged(
    tmp_path: Path, schema: str, lost: list[str], broken: list[str]
) -> None:
    evidence = Evidence("UPG-2", "promise", tmp_path)
    judging_back.expect_works(evidence, ["mlflow:1"], "mlflow:1", schema, ["one"], lost)
    found = [o.id for o in evidence.observations if o.bound and not holds(o.bound, o.observed)]
    assert found == broken


@pytest.mark.parametrize("serving", [[], ["mlflow:1", "mlflow:2"]])
def test_a_rollback_that_has_not_come_to_its_end_is_none(
    tmp_path: Path, serving: list[str]
) -> None:
    evidence = Evidence("UPG-2", "promise", tmp_path)
    with pytest.raises(Undecided, match="said that it came to its end"):
        judging_back.expect_works(evidence, serving, "mlflow:1", "one", ["one"], [])
