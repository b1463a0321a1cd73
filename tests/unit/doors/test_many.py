# SPDX-License-Identifier: Apache-2.0
"""Many requests at once, against a real server."""

import asyncio
from typing import Any

import pytest

from http_server import Exchange, Server
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed, LocalInside
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi

NOWHERE = "http://127.0.0.1:1"


async def slow_first(exchange: Exchange) -> None:
    """Answer with the path, and the first one last."""
    await asyncio.sleep(0.2 if exchange.path == "/0" else 0)
    await exchange.reply(exchange.path.encode())


def test_outcomes_come_in_the_order_of_requests() -> None:
    with Server(slow_first) as server:
        asked = [Request("GET", f"{server.url}/{n}", {}) for n in range(4)]
        outcomes = send_many(LocalInside(), asked, concurrency=4)
    assert [o.need_reply().body for o in outcomes] == [b"/0", b"/1", b"/2", b"/3"]


def test_one_at_a_time_they_begin_in_their_order() -> None:
    with Server(slow_first) as server:
        asked = [Request("GET", f"{server.url}/{n}", {}) for n in range(3)]
        first, second, third = send_many(LocalInside(), asked, concurrency=1)
    assert first.reply.elapsed_s > 0.1
    assert first.started_ns + first.reply.elapsed_s * 1e9 <= second.started_ns < third.started_ns


def test_a_request_without_a_reply_has_its_place() -> None:
    with Server() as server:
        urls = (NOWHERE, server.url)
        lost, found = send_many(LocalInside(), [Request("GET", u, {}) for u in urls], concurrency=2)
    assert (lost.status, found.status) == (0, 200)
    with pytest.raises(NoReply, match="refused"):
        lost.need_reply()


def test_nothing_is_sent_for_nothing() -> None:
    assert send_many(LocalInside({}), [], concurrency=0) == []


def test_a_runner_that_cannot_is_told() -> None:
    with pytest.raises(InsideFailed):
        send_many(LocalInside({}), [Request("GET", NOWHERE, {})], concurrency=1)


def test_a_request_is_what_the_api_would_send_at_once() -> None:
    sent: list[Request] = []

    def sender(method: str, url: str, **rest: Any) -> Reply:
        sent.append(Request(method, url, **rest))
        return Reply(200, {}, b"{}", 0)

    api = MlflowApi("http://m", sender, {"Host": "mlflow"}, timeout_s=7)
    api.post("runs/create", experiment_id="1", name="größe")
    api.request("PUT", "/a/b", body=b"x")
    assert sent == [
        Request.post(api, "runs/create", experiment_id="1", name="größe"),
        Request.to(api, "PUT", "/a/b", body=b"x"),
    ]
