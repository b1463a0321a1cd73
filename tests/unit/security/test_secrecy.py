# SPDX-License-Identifier: Apache-2.0
"""Leaks of credentials."""

import base64
import json

import pytest

from mlflow_conformance.security.secrecy import leaks, sought, spellings


@pytest.mark.parametrize(
    "text", ["x s3cr/t+word y", "postgresql://u:s3cr%2Ft%2Bword@h", "data: czNjci90K3dvcmQ="]
)
def test_leaks_are_found_however_they_are_written(text: str) -> None:
    assert base64.b64encode(b"s3cr/t+word").decode() in spellings("s3cr/t+word")
    found = list(leaks({"db/password": "s3cr/t+word"}, [("a log", text), ("another", "nothing")]))
    assert found == ["db/password in a log"]


def test_a_leak_is_found_in_json() -> None:
    credential = 'qu"ote\\and-ümlaut'
    texts = [
        (str(ascii_only), json.dumps({"a": credential}, ensure_ascii=ascii_only))
        for ascii_only in (True, False)
    ]
    assert list(leaks({"p": credential}, texts)) == ["p in True", "p in False"]


def test_a_leak_never_tells_the_value() -> None:
    assert "hunter2hunter2" not in "".join(
        leaks({"p": "hunter2hunter2"}, [("t", "hunter2hunter2")])
    )


def test_words_are_not_sought() -> None:
    credentials = {"a": "mlflow", "b": "postgres", "c": "s3cr/t+word-of-9Xq"}
    assert list(sought(credentials)) == ["c"]


@pytest.mark.parametrize("before", ["", "u", "u:", "usr"])
@pytest.mark.parametrize("after", ["", "@", "@h", "@ho"])
def test_a_leak_is_found_in_base64_of_something_longer(before: str, after: str) -> None:
    for credential in ("Zt4Qn8Lw2Rc7Xk9V", "Zt4Qn8Lw2Rc7Xk9Vb", "Zt4Qn8Lw2Rc7Xk9Vb3"):
        whole = f"{before}{credential}{after}".encode()
        for text in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
            assert list(leaks({"p": credential}, [("t", text.decode())])) == ["p in t"]
            assert not list(leaks({"p": credential[::-1]}, [("t", text.decode())]))


def test_a_short_credential_is_not_sought_within_base64() -> None:
    assert spellings("aZ9qT2x") == {"aZ9qT2x", base64.b64encode(b"aZ9qT2x").decode()}
