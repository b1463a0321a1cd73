# SPDX-License-Identifier: Apache-2.0
"""Strength of credentials."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.core.strength import bits

ALPHABET = string.ascii_letters + string.digits


def test_32_random_letters_and_digits_are_worth_128_bits_but_for_one_in_a_thousand() -> None:
    drawn = ["".join(random.Random(seed).choices(ALPHABET, k=32)) for seed in range(5000)]
    assert sum(bits(text) < 128 for text in drawn) <= 5
    assert min(map(bits, drawn)) > 120


@pytest.mark.parametrize(
    "weak", ["", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "changeme", "minio123"]
)
def test_weak_ones_are_not(weak: str) -> None:
    assert bits(weak) < 30


@given(st.text(max_size=50), st.text(max_size=50))
def test_more_text_is_never_worth_less(one: str, more: str) -> None:
    assert bits(one + more) >= bits(one) - 1e-9
