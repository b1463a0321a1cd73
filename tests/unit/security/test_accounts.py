# SPDX-License-Identifier: Apache-2.0
"""Accounts of a login: how they are told, and how long a change of one takes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.security import accounts, settling
from mlflow_conformance.security.accounts import Account, Property
from mlflow_conformance.security.settling import Settling

OWN = Property("7", "r1")
ANN = Account("ann", "correct horse battery")


class Server:
    """Answers by a list of statuses, the last one for ever, and remembers what it was asked."""

    def __init__(self, *statuses: int, body: Any = None) -> None:
        self.statuses, self.body = list(statuses), json.dumps(body or {}).encode()
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def __call__(self, method: str, url: str, **sent: Any) -> Reply:
        self.asked.append((method, url, sent["headers"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Reply(status=status, headers={}, body=self.body, elapsed_s=0)

    def api(self, **headers: str) -> MlflowApi:
        """Its API."""
        return MlflowApi("http://m", self, headers)


def test_a_door_is_signed_in_as_somebody_else_or_nobody() -> None:
    api = Server(200).api(Authorization="Basic abc", Cookie="c")
    assert accounts.signed(api, None).headers == {"Cookie": "c"}
    assert accounts.signed(api, "Basic x").headers == {"Cookie": "c", "Authorization": "Basic x"}


def test_the_administrator_is_who_the_profile_signs_in_by() -> None:
    assert accounts.administrator_of(Server(200).api(Authorization=ANN.authorization)) == "ann"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer t"}])
def test_without_a_name_and_a_password_there_is_no_administrator(headers: dict[str, str]) -> None:
    with pytest.raises(Undecided, match=r"names\.mlflow\.login"):
        accounts.administrator_of(Server(200).api(**headers))


def test_no_password_is_shown() -> None:
    assert "horse" not in repr(ANN)


def test_wrong_logins_are_wrong() -> None:
    wrong = accounts.wrong_logins("ann")
    assert len(set(wrong.values())) == len(wrong)
    assert ANN.authorization not in wrong.values()


def test_every_entrance_is_asked_once() -> None:
    server = Server(401)
    found = settling.statuses(server.api(), accounts.entrances(OWN))
    assert set(found.values()) == {401}
    assert len({(method, url) for method, url, _ in server.asked}) == len(found)


def test_what_differs_is_told_with_its_status() -> None:
    assert accounts.differing({"a": 401, "b": 200}, 401) == {"b": 200}


def test_who_is_an_administrator_is_what_mlflow_says() -> None:
    for told in (True, False):
        reply = Server(200, body={"user": {"is_admin": told}}).api().get("users/get")
        assert accounts.is_administrator(reply) is told


def test_accounts_are_removed_however_it_ends() -> None:
    server = Server(200)
    with pytest.raises(KeyError), accounts.removed(server.api(), "one", "two"):
        raise KeyError
    assert [(m, u.rpartition("/")[2]) for m, u, _ in server.asked] == [("DELETE", "delete")] * 2


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence("SEC-4", "p", tmp_path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    return iter(())


def _settling(evidence: Evidence, *servers: Server, limit_s: float = 5) -> Settling:
    replicas = {f"http://{n}": server.api() for n, server in enumerate(servers)}
    return Settling(evidence, Waiter(), replicas, limit_s)


@pytest.mark.usefixtures("clock")
def test_a_change_is_counted_until_the_last_replica_has_it(evidence: Evidence) -> None:
    both = _settling(evidence, Server(200), Server(403, 403, 200))
    assert both.seconds("x", ANN, {"search": accounts.search}, 200) == 1.0
    assert evidence.observations == []


@pytest.mark.usefixtures("clock")
def test_a_change_that_never_comes_is_longer_than_any_row_allows(evidence: Evidence) -> None:
    both = _settling(evidence, Server(200), Server(403))
    assert both.seconds("x", ANN, {"search": accounts.search}, 200) >= 90
    assert evidence.observations[0].observed == {
        "search at http://0": 200, "search at http://1": 403,
    }  # fmt: skip


def test_a_row_that_allows_more_than_is_watched_is_refused(evidence: Evidence) -> None:
    with pytest.raises(Undecided, match="watched for 90 s, and the row allows 90 s"):
        _settling(evidence, Server(200), limit_s=90)
