# SPDX-License-Identifier: Apache-2.0
"""Strength and leaks of credentials."""

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.security.secrecy import bits, leaks, spellings

ALPHABET = string.ascii_letters + string.digits


@given(st.integers())
def test_32_random_letters_and_digits_are_worth_128_bits(seed: int) -> None:
    assert bits("".join(random.Random(seed).choices(ALPHABET, k=32))) >= 128


@pytest.mark.parametrize(
    "weak", ["", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "changeme", "minio123"]
)
def test_weak_ones_are_not(weak: str) -> None:
    assert bits(weak) < 30


@given(st.text(max_size=50), st.text(max_size=50))
def test_more_text_is_never_worth_less(one: str, more: str) -> None:
    assert bits(one + more) >= bits(one) - 1e-9


@pytest.mark.parametrize(
    "text", ["x s3cr/t+word y", "postgresql://u:s3cr%2Ft%2Bword@h", "data: czNjci90K3dvcmQ="]
)
def test_leaks_are_found_however_they_are_written(text: str) -> None:
    assert base64.b64encode(b"s3cr/t+word").decode() in spellings("s3cr/t+word")
    found = list(leaks({"db/password": "s3cr/t+word"}, [("a log", text), ("another", "nothing")]))
    assert found == ["db/password in a log"]


def test_a_leak_never_tells_the_value() -> None:
    assert "hunter2hunter2" not in "".join(
        leaks({"p": "hunter2hunter2"}, [("t", "hunter2hunter2")])
    )
