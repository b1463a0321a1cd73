# SPDX-License-Identifier: Apache-2.0
"""What a check made is removed, also from a server that fails for a moment."""

from collections.abc import Mapping

import pytest

from clocks import Clock
from mlflow_conformance.core import waits
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.run.fixtures.belongings import Belongings

_SOON = Waiter(0.15)  # three seconds


@pytest.fixture(autouse=True)
def _time_flies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about how long a second is."""
    monkeypatch.setattr(waits, "time", Clock())


class Server:
    """Answers with one status after the other, the last one for ever; None is no reply."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = list(statuses)
        self.asked: list[str] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Reply:
        """Send nothing."""
        self.asked.append(f"{method} {url}")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            raise NoReply("reset", "gone", 0)
        return Reply(status, {}, b"{}", 0)


def _left(server: Server, waiter: Waiter | None, *webhooks: str) -> list[str]:
    return Belongings(webhooks=list(webhooks)).remove(MlflowApi("", server, {}), waiter)


def test_a_deletion_that_failed_once_is_asked_for_again() -> None:
    server = Server(500, None, 200)
    assert _left(server, _SOON, "7") == []
    assert server.asked == ["DELETE /api/2.0/mlflow/webhooks/7"] * 3


def test_what_is_already_gone_is_not_left() -> None:
    assert _left(Server(500, 404), _SOON, "7") == []


def test_what_stays_is_told_one_by_one_and_waited_for_once() -> None:
    server = Server(500)
    assert _left(server, _SOON, "7", "8", "9") == [f"webhook {n}: HTTP 500 " for n in (7, 8, 9)]
    assert [a[-1] for a in server.asked].count("8") == 1


def test_a_refusal_is_not_insisted_on() -> None:
    server = Server(400, 200)
    assert _left(server, _SOON, "7") == ["webhook 7: HTTP 400 "]


def test_a_check_that_judges_removals_asks_once() -> None:
    assert _left(Server(500, 200), None, "7") == ["webhook 7: HTTP 500 "]
