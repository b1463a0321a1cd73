# SPDX-License-Identifier: Apache-2.0
"""What an STS answers, and what it is asked."""

import json

import pytest

from mlflow_conformance.artifacts.sts import exchange
from senders import Always

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
    sts = Always(status, body)
    seen = exchange(sts, "http://sts", "t.o.k", "arn:aws:iam::1:role/r")
    assert (seen.status, seen.code, dict(seen.keys)) == (status, code, keys)
    [asked] = sts.asked
    assert asked.url == "http://sts/"
    assert b"WebIdentityToken=t.o.k" in (asked.body or b"")
    assert "t.o.k" not in json.dumps(str(seen))
