# SPDX-License-Identifier: Apache-2.0
"""Each lie by itself: what it changes, and that it leaves everything else alone."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.mutants.lies import LIES, lie_of
from mlflow_conformance.mutants.lies.base import Asked, json_reply

API = "/api/2.0/mlflow"


class Server:
    """Remembers what reached it and answers the same every time."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.heard: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        self.heard.append(asked)
        return self.reply


def post(call: str, **fields: Any) -> Asked:
    return Asked("POST", f"{API}/{call}", {}, json.dumps(fields).encode())


def told(rule: str, asked: Asked, reply: Reply, /, **parameters: Any) -> tuple[Reply, list[Asked]]:
    server = Server(reply)
    return lie_of(rule, parameters).answer(asked, server), server.heard


def body(reply: Reply) -> Mapping[str, Any]:
    value = reply.json()
    assert isinstance(value, dict)
    return value


def test_drop_acknowledges_what_it_throws_away() -> None:
    reply, heard = told("drop", post("runs/log-metric", key="a"), json_reply({}, 500))
    assert (reply.status, heard) == (200, [])


def test_what_is_postponed_is_carried_out_when_it_is_over() -> None:
    server = Server(json_reply({}, 204))
    lie = lie_of("postpone", {"method": "DELETE"})
    asked = Asked("DELETE", "/bucket/probe", {"Authorization": "signed"}, b"")
    assert lie.answer(asked, server).status == 204
    assert server.heard == []
    lie.settle(server)
    assert server.heard == [asked]
    assert lie.told == 1


def test_what_is_repeated_later_is_repeated_once_or_not_at_all() -> None:
    server = Server(json_reply({}))
    lie = lie_of("repeat", {"after_s": 0.05})
    lie.answer(post("registered-models/alias"), server)
    assert len(server.heard) == 1
    Waiter().until(
        "repeated", lambda: len(server.heard), done=lambda n: n == 2, timeout="api reply",
        interval_s=0.01,
    )  # fmt: skip
    late = lie_of("repeat", {"after_s": 60})
    late.answer(post("registered-models/alias"), server)
    late.settle(server)
    assert len(server.heard) == 3


def test_forget_loses_entries_of_a_batch() -> None:
    asked = post("runs/log-batch", metrics=[1, 2, 3, 4, 5])
    _, heard = told("forget", asked, json_reply({}), field="metrics", every=2)
    assert heard[0].fields() == {"metrics": [1, 3, 5]}


def test_copy_puts_a_field_into_another_as_well() -> None:
    _, heard = told("copy", post("webhooks", secret="s"), json_reply({}), field="secret", to="name")
    assert heard[0].fields() == {"secret": "s", "name": "s"}
    _, heard = told("copy", post("webhooks", url="u"), json_reply({}), field="secret", to="name")
    assert heard[0].fields() == {"url": "u"}


def test_who_hangs_up_does_nothing_and_answers_nothing() -> None:
    server = Server(json_reply({}))
    with pytest.raises(NoReply):
        lie_of("hang-up", {}).answer(post("runs/log-metric"), server)
    assert server.heard == []


def test_break_does_nothing_and_says_so() -> None:
    reply, heard = told("break", post("runs/log-metric"), json_reply({}), status=503)
    assert (reply.status, heard) == (503, [])


def test_delay_answers_right_and_late() -> None:
    begun = time.monotonic()
    reply, heard = told("delay", post("runs/get"), json_reply({"a": 1}), seconds=0.1)
    assert time.monotonic() - begun >= 0.1
    assert (body(reply), len(heard)) == ({"a": 1}, 1)


def test_stall_holds_all_who_come_while_it_stands_still() -> None:
    lie = lie_of("stall", {"for_s": 0.2, "every_s": 100})
    server = Server(json_reply({}))
    begun = time.monotonic()
    lie.answer(post("runs/get"), server)
    assert 0.1 < time.monotonic() - begun < 5
    assert lie.told == 1
    lie.answer(post("runs/get"), server)
    assert lie.told == 1
    assert len(server.heard) == 2


@pytest.mark.parametrize("fault", ["broke", "hung up", "late"])
def test_trip_refuses_for_a_while_once_the_server_failed(fault: str) -> None:
    def failing(_: Asked) -> Reply:
        if fault == "hung up":
            raise NoReply("reset", "gone", 0)
        if fault == "late":
            time.sleep(0.3)
        return json_reply({}, 503 if fault == "broke" else 200)

    asked, well = post("runs/get"), Server(json_reply({}))
    lie = lie_of("trip", {"for_s": 0.4, "after_s": 0.1, "status": 429})
    assert lie.answer(asked, well).status == 200
    assert lie.answer(asked, failing).status == 429
    assert lie.answer(asked, well).status == 429
    time.sleep(0.5)
    assert lie.answer(asked, well).status == 200
    assert len(well.heard) == 2


def test_trip_without_a_status_hangs_up() -> None:
    lie = lie_of("trip", {"for_s": 1, "after_s": 10})
    with pytest.raises(NoReply):
        lie.answer(post("runs/get"), Server(json_reply({}, 500)))


def test_stale_gives_the_first_answer_again_and_only_to_the_same_question() -> None:
    lie = lie_of("stale", {})
    server = Server(json_reply({"n": 1}))
    first, other = Asked("GET", "/a?x=1", {}, b""), Asked("GET", "/a?x=2", {}, b"")
    assert body(lie.answer(first, server)) == {"n": 1}
    server.reply = json_reply({"n": 2})
    assert body(lie.answer(first, server)) == {"n": 1}
    assert body(lie.answer(other, server)) == {"n": 2}
    assert lie.told == 1


def test_truncation_loses_bytes_on_the_way_in_and_out() -> None:
    asked = Asked("PUT", "/artifact", {}, b"12345")
    _, heard = told("truncate-upload", asked, json_reply({}), lost=2)
    assert heard[0].body == b"123"
    _, heard = told("truncate-upload", asked, json_reply({}), longer_than=5)
    assert heard[0].body == b"12345"
    reply, _ = told("truncate-download", asked, Reply(200, {}, b"12345", 0))
    assert reply.body == b"1234"


def test_misplace_carries_out_under_another_path() -> None:
    asked = Asked("PUT", "/artifacts/1/run/artifacts/x", {}, b"")
    _, heard = told("misplace", asked, json_reply({}), find="/run/", put="/nowhere/")
    assert heard[0].target == "/artifacts/1/nowhere/artifacts/x"


def test_a_version_is_handed_out_twice() -> None:
    asked = post("model-versions/create", name="m")
    reply, _ = told("duplicate-version", asked, json_reply({"model_version": {"version": "7"}}))
    assert body(reply)["model_version"]["version"] == "6"
    reply, _ = told("duplicate-version", asked, json_reply({"model_version": {"version": "1"}}))
    assert body(reply)["model_version"]["version"] == "1"


def test_refusals_are_forgiven_or_broken_and_successes_are_left() -> None:
    asked = post("runs/log-parameter")
    assert told("forgive", asked, json_reply({}, 400))[0].status == 200
    assert told("fail", asked, json_reply({}, 400))[0].status == 500
    for rule in ("forgive", "fail"):
        reply, _ = told(rule, asked, json_reply({"a": 1}))
        assert (reply.status, body(reply)) == (200, {"a": 1})


def test_everyone_wins_a_race() -> None:
    asked = post("experiments/create", name="a b")
    lie = lie_of("both-win", {})

    def server(heard: Asked) -> Reply:
        if heard.method == "GET":
            assert heard.target == f"{API}/experiments/get-by-name?experiment_name=a%20b"
            return json_reply({"experiment": {"experiment_id": "9"}})
        return json_reply({"error_code": "RESOURCE_ALREADY_EXISTS"}, 400)

    reply = lie.answer(asked, server)
    assert (reply.status, body(reply)) == (200, {"experiment_id": "9"})


def test_lists_and_fields_of_replies_are_edited() -> None:
    asked = Asked("GET", "/x", {}, b"")
    reply = json_reply({"runs": [1, 2, 3], "a": {"b": 1}})
    assert body(told("reverse", asked, reply, field="runs")[0])["runs"] == [3, 2, 1]
    assert body(told("omit", asked, reply, field="runs")[0])["runs"] == [2, 3]
    assert body(told("change", asked, reply, field="a.b", value=2)[0])["a"] == {"b": 2}
    assert told("reverse", asked, reply, field="no.such")[0] == reply


def test_a_request_is_repeated_or_gets_another_value() -> None:
    server = Server(json_reply({"a": 1}))
    asked = Asked("POST", "/x", {}, b'{"secret": "mine", "b": 2}')
    assert lie_of("repeat", {}).answer(asked, server) == server.reply
    assert server.heard == [asked, asked]
    lie_of("substitute", {"field": "secret", "value": "theirs"}).answer(asked, server)
    assert server.heard[-1].fields() == {"secret": "theirs", "b": 2}
    lie_of("substitute", {"field": "none", "value": "theirs"}).answer(asked, server)
    assert server.heard[-1] == asked


def test_headers_and_bodies_are_replaced() -> None:
    asked = Asked("HEAD", "/x", {}, b"")
    assert told("strip", asked, Reply(200, {"X-A": "1"}, b"", 0), header="x-a")[0].headers == {}
    labelled = told("label", asked, Reply(200, {"X-A": "1"}, b"", 0), header="X-B", value="2")[0]
    assert labelled.headers == {"X-A": "1", "X-B": "2"}
    assert told("serve", asked, json_reply({}, 404), text="secret")[0].body == b"secret"


@given(st.integers(1, 20), st.integers(0, 5), st.integers(1, 5))
def test_each_block_holds_one_lie(one_in: int, seed: int, blocks: int) -> None:
    lie = lie_of("drop", {"one_in": one_in, "seed": seed})
    server = Server(json_reply({}))
    for _ in range(one_in * blocks):
        lie.answer(Asked("GET", "/x", {}, b""), server)
    assert lie.told == blocks
    assert len(server.heard) == (one_in - 1) * blocks


@given(st.sampled_from(sorted(LIES)), st.binary(max_size=50), st.text(max_size=20))
def test_what_a_rule_does_not_match_passes_untouched(rule: str, content: bytes, path: str) -> None:
    needed: dict[str, Any] = {
        "forget": {"field": "x"}, "reverse": {"field": "x"}, "omit": {"field": "x"},
        "change": {"field": "x", "value": 1}, "misplace": {"find": "a", "put": "b"},
        "serve": {"text": "x"}, "strip": {"header": "x"},
        "label": {"header": "x", "value": "y"}, "ignore": {"field": "x"},
        "substitute": {"field": "x", "value": 1}, "copy": {"field": "x", "to": "y"},
        "delay": {"seconds": 9}, "stall": {"for_s": 9, "every_s": 10},
        "trip": {"for_s": 9, "after_s": 9},
    }  # fmt: skip
    lie = lie_of(rule, {**needed.get(rule, {}), "method": "TRACE"})
    asked = Asked("POST", path, {}, content)
    server = Server(Reply(404, {"a": "b"}, content, 0))
    assert lie.answer(asked, server) == server.reply
    assert server.heard == [asked]
    assert lie.told == 0


@pytest.mark.parametrize(
    ("rule", "parameters", "message"),
    [
        ("dorp", {}, "did you mean 'drop'"),
        ("drop", {"one_in": 0}, "one_in"),
        ("drop", {"onein": 3}, "onein"),
        ("reverse", {}, "field"),
        ("drop", {"path": "("}, "regular expression"),
        ("drop", {"door": "sql"}, "door"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(
    rule: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unusable, match=message):
        lie_of(rule, parameters)
