# SPDX-License-Identifier: Apache-2.0
"""Lies told one after the other in one process, in front of a real MLflow: none leaves a trace."""

import os
import subprocess
import sys
from pathlib import Path

import shipped
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.run.rounds import Round, write
from processes import PROFILE, plain_server
from repository import ROOT

_TIMEOUT_S = 900
_LIES = {
    "param-dropped": "TRK-1",
    "deletion-dropped": "TRK-5",
    "alias-move-dropped": "REG-3",
    "path-traversal-served": "ART-8",
}


_WITHOUT_SQL = {
    "sql.params": "replica.params",
    "sql.run": "front.run",
    "sql.alias": "replica.alias",
}
"""What shows the same where there is no database to look into."""


def test_lies_are_found_one_after_the_other_and_the_truth_afterwards(tmp_path: Path) -> None:
    truth: dict[str, list[str]] = {check: [] for check in _LIES.values()}
    reasons = {
        m: [_WITHOUT_SQL.get(r, r) for r in shipped.mutants()[m].spec.reasons(c)]
        for m, c in _LIES.items()
    }
    rounds = [
        Round(folder=tmp_path / "before", checks=truth),
        *(Round(folder=tmp_path / m, mutant=m, checks={c: reasons[m]}) for m, c in _LIES.items()),
        Round(folder=tmp_path / "after", checks=truth),
    ]
    (tmp_path / "profile.yaml").write_text(PROFILE)
    write(tmp_path / "rounds.json", rounds)
    with plain_server(tmp_path, Waiter(5)) as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:locust",
             "--profile", str(tmp_path / "profile.yaml"), "--output", str(tmp_path / "out"),
             "suites/tracking", "suites/registry", "suites/artifacts",
             f"--tracking-uri={url}", f"--tracking-uri={url}",  # one server, as two replicas
             f"--rounds={tmp_path / 'rounds.json'}", *(f"--check={c}" for c in truth)],
            cwd=ROOT, env=os.environ, check=False, timeout=_TIMEOUT_S, capture_output=True,
            text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("before", "after"):
        judged = {c.id: (str(c.raw), c.reason) for c in recorded(tmp_path / name).checks}
        assert {i: v for i, v in judged.items() if v[0] != "pass"} == {}, name
    for mutant, check in _LIES.items():
        (judged_one,) = recorded(tmp_path / mutant).checks
        assert (judged_one.id, str(judged_one.raw)) == (check, "fail"), judged_one.reason
        assert set(reasons[mutant]) <= {o.id for o in judged_one.failed_observations}
