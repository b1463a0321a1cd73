# SPDX-License-Identifier: Apache-2.0
"""What others say is cut where a sentence ends, and the reader is told how much is missing."""

import pytest

from mlflow_conformance.core.brevity import (
    ENDING,
    READABLE,
    brief,
    brief_lines,
    counted,
    cut,
    ending,
)

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


def test_what_was_cut_before_is_counted_as_a_whole() -> None:
    once = brief("word " * 9000, 600)
    assert brief(once, 300).startswith("word word")
    told = int(brief(once, 300).rpartition("(")[2].split()[0].replace(",", ""))
    kept = len(brief(once, 300).rpartition(" … (")[0])
    assert abs(told + kept - 45_000) <= 2


@pytest.mark.parametrize(
    ("text", "most", "told"),
    [
        ("x" * 120, 120, "x" * 120),
        ("x" * 1000, 120, "x" * 94 + " … (906 more characters)"),
        ("x" * 1000, 20, "x" * 19 + "…"),
    ],
)
def test_a_value_is_cut_anywhere(text: str, most: int, told: str) -> None:
    assert counted(text, most) == told


def test_what_is_cut_is_marked() -> None:
    assert (cut("x" * 20, 20), cut("x" * 21, 20)) == ("x" * 20, "x" * 19 + "…")


def test_of_what_a_program_said_the_end_is_kept() -> None:
    last = "psycopg.errors.UndefinedTable: relation does not exist"
    said = "\n".join([*("  File at line, in somewhere" for _ in range(50)), last])
    told = ending(said)
    assert told.startswith("(1,")
    assert " characters before) … File at line, in somewhere File" in told
    assert told.endswith(last)
    assert ending(f" {last}\n") == last


@pytest.mark.parametrize("most", [60, READABLE, ENDING])
@pytest.mark.parametrize("said", ["x" * 20_000, "word " * 9000, STATEMENT, "a.\n" * 9000])
def test_an_ending_is_never_longer_than_asked(said: str, most: int) -> None:
    told = ending(said, most)
    left, _, rest = told.partition(" characters before) … ")
    assert most // 5 <= len(rest) <= len(told) <= most
    start = len(said.strip()) - int(left[1:].replace(",", ""))
    assert " ".join(said.strip()[-start:].split()) == rest


def test_of_a_traceback_the_end_is_kept_and_no_line_is_long() -> None:
    told = brief_lines("\n".join(["first", *("x" * 5000 for _ in range(1000)), "last"]))
    assert told.startswith("… (602 lines before)\n")
    assert told.endswith("\nlast")
    assert max(map(len, told.splitlines())) <= 600
