# SPDX-License-Identifier: Apache-2.0
"""Webhooks as they arrive at a real receiver, signed as MLflow itself signs them."""

import ast
import base64
import hashlib
import hmac
import runpy
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.webhooks import signature_of
from mlflow_conformance.registry.webhooks import Delivery

BODY = b'{"entity": "model_version", "action": "created", "data": {"name": "m"}}'


@pytest.fixture
def receiver() -> Iterator[dict[str, Any]]:
    """A receiver whose webhook `/hook` refuses the first post."""
    inside = LocalInside()
    made = cast(
        dict[str, Any],
        inside.call("receiver_start", port=0, refused="/hook", refusals=1, towards="127.0.0.1"),
    )
    yield made
    inside.call("receiver_stop", number=made["number"])


def _posted(receiver: dict[str, Any], path: str, secret: str) -> int:
    headers = {
        "X-MLflow-Delivery-Id": "d1",
        "X-MLflow-Timestamp": "17",
        "X-MLflow-Signature": signature_of(secret, "d1", "17", BODY),
    }
    url = f"{receiver['url']}{path}"
    return send("POST", url, headers=headers, body=BODY, timeout_s=5).status


def test_what_is_posted_is_kept_and_refused_only_at_first(receiver: dict[str, Any]) -> None:
    statuses = [_posted(receiver, path, "s") for path in ("/hook", "/hook", "/other")]
    assert statuses == [503, 200, 200]
    posts = cast(
        list[dict[str, Any]], LocalInside().call("receiver_posts", number=receiver["number"])
    )
    first, second, other = map(Delivery.from_post, posts)
    assert (first.event, first.data, first.status) == ("model_version.created", {"name": "m"}, 503)
    assert (second.id, second.path, other.path) == ("d1", "/hook", "/other")


def _signed_by_mlflow(*words: str) -> str:
    """What MLflow's own function says. It alone is run: all of MLflow takes seconds to import."""
    package = find_spec("mlflow")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "webhooks"
    source = ast.parse((folder / "delivery.py").read_text())
    [function] = (
        node for node in source.body
        if isinstance(node, ast.FunctionDef) and node.name == "_generate_hmac_signature"
    )  # fmt: skip
    modules = {"base64": base64, "hashlib": hashlib, "hmac": hmac}
    names = {**runpy.run_path(str(folder / "constants.py")), **modules}
    exec(compile(ast.Module([function], []), "delivery.py", "exec"), names)
    return str(names[function.name](*words))


def test_the_signature_is_mlflows(receiver: dict[str, Any]) -> None:
    theirs = _signed_by_mlflow("s", "d1", "17", BODY.decode())
    assert signature_of("s", "d1", "17", BODY) == theirs
    _posted(receiver, "/other", "right")
    (post,) = cast(
        list[dict[str, Any]], LocalInside().call("receiver_posts", number=receiver["number"])
    )
    delivery = Delivery.from_post(post)
    assert delivery.signed_by("right")
    assert not delivery.signed_by("wrong")


@pytest.mark.parametrize("body", [b"", b"[]", b"no JSON", b'{"data": 7}'])
def test_a_post_that_is_no_webhook_tells_nothing(receiver: dict[str, Any], body: bytes) -> None:
    send("POST", f"{receiver['url']}/x", headers={}, body=body, timeout_s=5)
    (post,) = cast(
        list[dict[str, Any]], LocalInside().call("receiver_posts", number=receiver["number"])
    )
    delivery = Delivery.from_post(post)
    assert (delivery.event, delivery.data, delivery.id) == ("", {}, "")
    assert not delivery.signed_by("s")
