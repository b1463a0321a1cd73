# SPDX-License-Identifier: Apache-2.0
"""A backup that is encrypted in name only is told from one that is encrypted."""

import random

import pytest

from mlflow_conformance.backup_restore.sealing import disguised, entropy

DUMP = b"PGDMP\x01\x0f\x00\x04\x08\x01" + bytes(range(64)) * 8
NOISE = random.Random(1).randbytes(200_000)


def test_noise_has_the_entropy_of_noise_and_digits_half_of_it() -> None:
    assert entropy(NOISE) > 7.99
    assert entropy(NOISE.hex().encode()) == pytest.approx(4, abs=0.01)
    assert entropy(b"") == 0
    assert entropy(b"aaaa") == 0


def test_a_dump_is_not_in_noise() -> None:
    assert disguised(NOISE, DUMP) == []
    assert disguised(NOISE, b"PGDMP") == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (DUMP, "as it is"),
        (bytes(b ^ 0x5A for b in DUMP), "XOR 0x5a"),
        (bytes((b + 13) % 256 for b in DUMP), "plus 13"),
        (bytes((b << 4 | b >> 4) & 255 for b in DUMP), "rotated by 4"),
        (bytes(b ^ b"secret"[n % 6] for n, b in enumerate(DUMP)), "XOR with 6 bytes that repeat"),
    ],
)
def test_a_key_that_can_be_guessed_is_told(content: bytes, told: str) -> None:
    assert disguised(NOISE[:46] + content + NOISE, DUMP) == [told]


def test_a_backup_that_is_shorter_than_what_is_known_of_it_is_none() -> None:
    assert disguised(b"", DUMP) == []
