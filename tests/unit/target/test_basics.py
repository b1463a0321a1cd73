# SPDX-License-Identifier: Apache-2.0
"""What everything stands on: what is wrong with a door, and what becomes of it then."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import Failure, NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed, LocalInside
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.operations import OPERATIONS
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.basics import judged, problem_of
from mlflow_conformance.target.local import local_target

AT_ONCE = Waiter(0.02)
NOWHERE = "http://127.0.0.1:9"


def api(answer: Callable[[], Reply]) -> MlflowApi:
    """MLflow's API as it answers a search for experiments."""
    return MlflowApi("http://mlflow:80/ml", lambda *_, **__: answer(), {})


def reply(status: int, body: str) -> Reply:
    """A reply without headers."""
    return Reply(status, {}, body.encode(), 0.01)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, '{"experiments": []}', None),
        (200, "{}", None),
        (403, "Invalid Host header - possible DNS rebinding", "let --allowed-hosts have it"),
        (401, "You are not authenticated", r"asks for a login \(401\): name an account"),
        (403, '{"error_code": "PERMISSION_DENIED"}', "PERMISSION_DENIED"),
        (302, "", "names.front.login"),
        (404, "<html>", "names.mlflow.path"),
        (200, "<html>Sign in</html>", "has no API of MLflow"),
        (500, "Detected out-of-date database schema", "migrate it"),
        (503, '{"error_code": "TEMPORARILY_UNAVAILABLE"}', "503: 'TEMPORARILY_UNAVAILABLE'"),
    ],
)
def test_a_reply_is_told_with_what_mends_it(status: int, body: str, said: str | None) -> None:
    problem = problem_of(api(lambda: reply(status, body)))
    if said is None:
        assert problem is None
    else:
        assert problem is not None
        with pytest.raises(Undecided, match=said):
            raise Undecided(problem)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("refused", "correct the port"),
        ("timeout", "names.runner.labels"),
        ("reset", "correct the scheme"),
        ("name", "there is no such name"),
        ("tls", "ca_secret"),
        ("other", "correct the address"),
    ],
)
def test_no_reply_is_told_by_its_kind(failure: Failure, said: str) -> None:
    def lost() -> Reply:
        raise NoReply(failure, "x", 1.0)

    assert said in (problem_of(api(lost)) or "")


def test_what_depends_on_a_door_that_does_not_stand_is_not_tried() -> None:
    asked: list[str] = []

    def counted(**request: Any) -> Any:
        asked.append(request["url"])
        return OPERATIONS["http"](**request)

    def no_sql(**_: Any) -> Any:
        raise InsideFailed("password authentication failed")

    inside = LocalInside(
        {**OPERATIONS, "http": counted, "sql": no_sql, "s3_try_list": lambda **_: "AccessDenied"}
    )
    target: Target = local_target(
        [NOWHERE], inside, sql_dsn={"host": "x"}, s3_door={"bucket": "b", "endpoint": "e"}
    )
    found = judged(target, AT_ONCE)
    assert set(found.closed) == {"inside", "front", "sql", "s3"}
    assert found.stood == []
    assert "AccessDenied" in found.closed["s3"]
    tried = len(asked)
    for use, said in (
        (found.target.api, "no inside door: http://127.0.0.1:9 does not answer"),
        (found.target.replica_urls, "no inside door: http://127.0.0.1:9 does not answer"),
        (found.target.need_front, "no front door: http://127.0.0.1:9 does not answer"),
        (found.target.need_sql, "no sql door: the runner could not ask: .*authentication failed"),
        (found.target.need_bucket, "no s3 door: the auditor's keys may not list"),
    ):
        with pytest.raises(Undecided, match=said):
            use()
    assert len(asked) == tried


def test_what_stands_stays_as_it_is() -> None:
    inside = LocalInside({"http": lambda **_: _GOOD, "sql": lambda **_: [[1]]})
    target = local_target([NOWHERE], inside, sql_dsn={"host": "x"})
    found = judged(target, AT_ONCE)
    assert found.stood == ["inside", "sql"]
    assert list(found.closed) == ["front"]
    assert found.target.api().base_url == NOWHERE
    assert found.target.need_sql() is target.sql


def test_a_deployment_without_an_address_outside_is_asked_at_its_service() -> None:
    inside = LocalInside({"http": lambda **_: _GOOD})
    local = local_target([NOWHERE], inside)
    names = local.names.model_copy(update={"front": None})
    alone = replace(local, front=None, names=names, kube=cast(Kube, object()))
    assert alone.entrance().base_url == alone.service_url
    # One that does not stand is no reason to go round it.
    closed = replace(local, front=None, missing={"front": "it is shut"})
    with pytest.raises(Undecided, match="no front door: it is shut"):
        closed.entrance()
    assert local.entrance().base_url == local.need_front().url


@pytest.mark.parametrize(
    ("asked", "scaler", "compared"), [(1, None, 1), (None, None, 1), (2, None, 2), (1, "h", 2)]
)
def test_one_replica_is_compared_with_none(
    asked: int | None, scaler: str | None, compared: int
) -> None:
    class Cluster:
        def get(self, kind: str, name: str) -> dict[str, Any]:
            assert (kind, name) == ("deployment", names.mlflow.deployment)
            return {"spec": {} if asked is None else {"replicas": asked}}

    local = local_target([NOWHERE], LocalInside({}))
    mlflow = local.names.mlflow.model_copy(update={"hpa": scaler})
    names = local.names.model_copy(update={"mlflow": mlflow})
    assert replace(local, names=names, kube=cast(Kube, Cluster())).replicas_compared() == compared
    assert local.replicas_compared() == 2


_GOOD: JsonValue = {"status": 200, "headers": {}, "elapsed_s": 0.0, "body_base64": "e30="}
