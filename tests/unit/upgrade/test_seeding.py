# SPDX-License-Identifier: Apache-2.0
"""What a server has and what it refuses, told apart; many runs that follow from a seed."""

import json
from pathlib import Path

import pytest

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.upgrade.bulk import Bulk, _Run
from mlflow_conformance.upgrade.kinds import KINDS
from mlflow_conformance.upgrade.making import has_no_route
from mlflow_conformance.upgrade.seeding import Capability, Seeded


def said(status: int, code: str = "") -> Reply:
    body = {"error_code": code, "message": "no"} if code else "<html>404</html>"
    return Reply(status, {}, json.dumps(body).encode(), 0.1)


@pytest.mark.parametrize(
    ("reply", "absent"),
    [
        (said(404), True),
        (said(405), True),
        (said(404, "ENDPOINT_NOT_FOUND"), True),
        (said(501, "NOT_IMPLEMENTED"), True),
        (said(404, "RESOURCE_DOES_NOT_EXIST"), False),
        (said(400, "INVALID_PARAMETER_VALUE"), False),
        (said(403), False),
        (said(500), False),
        (said(200), False),
    ],
)
def test_an_api_that_is_not_there_is_no_refusal(reply: Reply, absent: bool) -> None:
    assert has_no_route(reply) is absent


def test_runs_follow_from_seed_and_number() -> None:
    assert _Run("a", 1, 5).fields() == _Run("a", 1, 5).fields()
    assert _Run("a", 1, 5).fields() != _Run("a", 2, 5).fields()
    assert _Run("a", 1, 5).fields() != _Run("a", 1, 6).fields()


def test_traces_have_ids_of_their_own_and_share_sessions() -> None:
    runs = [_Run("a", 1, number) for number in range(8)]
    assert len({run.trace().trace_id for run in runs}) == 8
    assert len({run.session for run in runs}) == 2
    assert [run.named for run in runs].count(True) == 2
    assert _Run("b", 1, 0).trace().trace_id != runs[0].trace().trace_id


def test_what_was_written_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    kinds = {kind: Capability(outcome="written") for kind in KINDS}
    kinds["user"] = Capability(outcome="absent", said="HTTP 404")
    kinds["webhook"] = Capability(outcome="refused", said="HTTP 400 scheme")
    bulk = Bulk(experiment_id="1", label="l", seed=3, run_ids=["r"])
    seeded = Seeded(version="3.16.1", label="l", kinds=kinds, things=[], bulk=bulk)
    path = tmp_path / "seeded.json"
    seeded.kept_in(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Seeded.read(path) == seeded
    assert seeded.of("absent") == {"user": "HTTP 404"}
    assert seeded.of("refused") == {"webhook": "HTTP 400 scheme"}
    assert seeded.traces
