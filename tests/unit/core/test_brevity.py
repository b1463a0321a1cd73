# SPDX-License-Identifier: Apache-2.0
"""What others say is cut where a sentence ends, and the reader is told how much is missing."""

import pytest

from mlflow_conformance.core.brevity import READABLE, brief

STATEMENT = "[SQL: SELECT " + ", ".join(f"trace_info.column_{n}" for n in range(900)) + "]"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ""),
        ("  two\n lines \t here ", "two lines here"),
        ("x" * READABLE, "x" * READABLE),
    ],
)
def test_what_is_short_is_told_in_one_line(said: str, told: str) -> None:
    assert brief(said) == told


def test_a_statement_is_left_out_and_counted() -> None:
    head = "traces/search: HTTP 400 BAD_REQUEST (UndefinedColumn) column preview is not there"
    said = f"{head}\n{STATEMENT}"
    assert brief(said) == f"{head} … ({len(said) - len(head):,} more characters)"


def test_a_statement_in_the_same_line_is_left_out() -> None:
    head = "log-batch: HTTP 500 INTERNAL_ERROR " + "the connection was closed by the server " * 3
    assert brief(f"{head.strip()} {STATEMENT}").startswith(f"{head.strip()} … (")


def test_a_long_text_ends_with_a_sentence_and_never_with_a_word_or_two() -> None:
    first = "The server said so. "
    assert brief(first * 40).startswith((first * 10).strip() + " " + first.strip())
    assert brief("No. " + "word " * 200).startswith("No. word word word")


@pytest.mark.parametrize("most", [60, READABLE, 4000])
@pytest.mark.parametrize("said", ["x" * 20_000, "word " * 9000, STATEMENT, "a.\n" * 9000])
def test_it_is_never_longer_than_asked(said: str, most: int) -> None:
    told = brief(said, most)
    assert len(told) <= most
    assert told.endswith(" more characters)")
