# SPDX-License-Identifier: Apache-2.0
"""What an STS answers, and what it is asked."""

import json
from typing import Any

import pytest

from mlflow_conformance.artifacts.sts import exchange
from mlflow_conformance.doors.http import Reply

KEYS = (
    "<AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey><SessionToken>C</SessionToken>"
)


@pytest.mark.parametrize(
    ("status", "body", "code", "keys"),
    [
        (200, KEYS, "", {"access_key": "A", "secret_key": "B", "session_token": "C"}),
        (400, "<Error><Code>InvalidParameterValue</Code></Error>", "InvalidParameterValue", {}),
        (200, "<AccessKeyId>A</AccessKeyId>", "", {}),
        (403, "", "", {}),
    ],
)
def test_an_answer_of_the_sts(status: int, body: str, code: str, keys: dict[str, str]) -> None:
    asked: dict[str, Any] = {}

    def sender(method: str, url: str, **given: Any) -> Reply:
        asked.update(given, method=method, url=url)
        return Reply(status, {}, body.encode(), 0)

    seen = exchange(sender, "http://sts", "t.o.k", "arn:aws:iam::1:role/r")
    assert (seen.status, seen.code, dict(seen.keys)) == (status, code, keys)
    assert asked["url"] == "http://sts/"
    assert b"WebIdentityToken=t.o.k" in asked["body"]
    assert "t.o.k" not in json.dumps(str(seen))
