# SPDX-License-Identifier: Apache-2.0
"""Strength of credentials: generated ones by what their characters hold, others by guesses."""

import math
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_conformance.core.strength import bits, capacity

ALNUM = string.ascii_letters + string.digits
HEXADECIMAL = "0123456789abcdef"
GENERATED = "q0Fv1kYz8mR2tXw5bNj7cLh3dGs6aPe9uIo4KQTBVWM="
"""32 random bytes in base64."""


def drawn(alphabet: str, length: int, seed: int) -> str:
    """A random text."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", 0),
        ("7" * 39, 39 * math.log2(10)),
        ("0f" * 16, 128),
        ("0F" * 16, 128),
        ("0f" * 64, 512),
        ("550e8400-e29b-41d4-a716-446655440000", 128),
        ("de:ad:be:ef", 32),
        ("0g" * 16, 32 * math.log2(36)),
        ("aZ3" * 10, 30 * math.log2(62)),
        ("aZ3+/", 30),
        ("aZ3-_", 30),
        ("aZ3-+", 5 * math.log2(62 + 33)),
        ("ab!", 3 * math.log2(26 + 33)),
        ("äß", 2 * math.log2(33)),
    ],
)
def test_what_characters_can_hold(text: str, held: float) -> None:
    assert capacity(text) == pytest.approx(held)


@settings(max_examples=25)
@given(st.integers())
def test_a_key_of_128_bits_in_hexadecimal_is_worth_128_bits(seed: int) -> None:
    assert bits(drawn(HEXADECIMAL, 32, seed)) == 128


def test_16_random_bytes_in_base64_are_worth_128_bits_though_a_class_is_absent_by_chance() -> None:
    without_digits = "".join(random.Random(7).choices(string.ascii_letters, k=22))
    assert bits(without_digits) > 128
    # So long a text has no digits because its alphabet has none.
    assert capacity("aZ" * 30) == pytest.approx(60 * math.log2(52))


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [
        (string.digits, 39),
        (string.ascii_lowercase, 28),
        (ALNUM, 24),
        (ALNUM, 32),
        (ALNUM, 48),
        (ALNUM + "-_", 43),
        (HEXADECIMAL.upper(), 40),
    ],
)
def test_generated_ones_are_worth_what_they_hold(alphabet: str, length: int) -> None:
    for seed in range(10):
        text = drawn(alphabet, length, seed)
        assert bits(text) == capacity(text) >= 128


@pytest.mark.parametrize(
    "text",
    [
        GENERATED,
        f"mlflow-key:{GENERATED}",
        "Zt4Qn8Lw2Rc7Xk9Vb3Hm6Jp5Sd1Gf0Ay",
        "9b2e61d4-7c3f-4a58-8e0d-1f6c9ab35e72",
        "skunk-ferret-oblong-walnut-prism-gadget-tundra-velcro-mosaic-banjo",
    ],
)
def test_strong_ones_are_strong(text: str) -> None:
    assert bits(text) >= 128


@pytest.mark.parametrize(
    "text",
    [
        "correct-horse-battery-staple-orange-window",
        "correct horse battery staple correct horse battery staple",
        "correct-horse-battery-staple-correct-horse-battery-staple",
        "correct-horse-battery-staple-mlflow-kek-passphrase-2024",
        "this-is-the-passphrase-of-our-production-mlflow-server-2025",
        "correct_horse_battery_staple_orange_window_summer_garden",
        "correcthorsebatterystaple",
        "mlflow-postgres-password-production-2024",
        "insecure-and-guessable-but-very-long",
        "minio-root-password-minio-root-password",
        "ThisIsOurVerySecretPassword2025!",
        "Password123!" * 4,
        "Password123!" * 40,
        "Tr0ub4dor&3Tr0ub4dor&3Tr0ub4dor",
        "abcdefghijklmnopqrstuvwxyz012345",
        "qwertyuiopasdfghjklzxcvbnm123456",
        "0123456789abcdef0123456789abcdef",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "11111111-1111-1111-1111-111111111111",
        "20260101202601022026010320260104",
    ],
)
def test_long_ones_that_people_make_are_not(text: str) -> None:
    assert bits(text) < 128


@pytest.mark.parametrize(
    "weak",
    [
        *("", "a", "=", "changeme", "minio123", "minioadmin", "postgres", "mlflow", "admin123"),
        *("a" * 32, "a" * 500, "12345678", "letmein", "P@ssw0rd", "kubernetes1"),
    ],
)
def test_those_that_everybody_tries_are_worth_next_to_nothing(weak: str) -> None:
    assert bits(weak) < 30


@settings(max_examples=25)
@given(st.text(max_size=90))
def test_nothing_is_worth_more_than_its_characters_hold(text: str) -> None:
    assert 0 <= bits(text) <= capacity(text)


def test_characters_after_the_72nd_count_for_nothing() -> None:
    assert bits(drawn(HEXADECIMAL, 128, 1)) == 72 * 4
