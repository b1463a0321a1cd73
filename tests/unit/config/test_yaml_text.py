# SPDX-License-Identifier: Apache-2.0
"""YAML that people write: no key twice, and every value has its line."""

import re
from typing import Any

import pytest

from mlflow_conformance.config.yaml_text import Location, NotYaml, parse
from repository import ROOT

TEXT = b"""\
base: &base
  shared: 1
  other: 2
checks:
  # a comment
  NET-1:
    <<: *base
    other: 3
  NET-2: {a: [10,
    11]}
more:
  - first
  - second: x
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ((), 1),
        (("base",), 1),
        (("checks", "NET-1"), 6),
        (("checks", "NET-1", "other"), 8),
        (("checks", "NET-1", "shared"), 2),
        (("checks", "NET-2", "a"), 9),
        (("checks", "NET-2", "a", 1), 10),
        (("more", 0), 12),
        (("more", 1, "second"), 13),
        (("checks", "NET-2", "missing"), 9),
        (("more", 7), 11),
        (("nothing", "at", "all"), 1),
        (("more", 0, "below", "a", "scalar"), 12),
    ],
)
def test_the_line_of_a_value_is_where_it_is_written(location: Location, line: int) -> None:
    assert parse(TEXT).line(location) == line


def test_what_a_merge_key_brings_may_be_overridden() -> None:
    assert parse(TEXT).data["checks"]["NET-1"] == {"shared": 1, "other": 3}


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        (b"a: 1\nb: 2\n", ()),
        (b"a: 1\na: 2\n", (("a", 2),)),
        (b"a: {b: 1,\n b: 2}\nc: 1\nc: 2", (("c", 4), ("b", 2))),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n", ()),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n  y: 1\n  y: 2\n", (("y", 5),)),
        (b"1: a\n0x1: b", ((1, 2),)),
    ],
)
def test_every_key_that_stands_twice_is_told(text: bytes, twice: object) -> None:
    assert parse(text).twice == twice


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"a: 1\nb: [", 2, "while parsing a flow"),
        (b"a: 1\nb: 2026-13-45", 2, "month must be in 1..12"),
        (b"\n\na: !!python/name:os.system ''", 3, "python/name:os.system"),
        (b"a:\n  ? [1]\n  : 2", 2, "a key is one word, and no list or mapping"),
        (b"a: !!set {a}", 1, "the type tag:yaml.org,2002:set is not used here"),
        (b"a: 1\n---\nb: 1", 2, "expected a single document"),
        (b"a: 1\nb: \x00", 2, ""),
        (b"a: &x {<<: [1]}", 1, "expected a mapping for merging"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: bytes, line: int, what: str) -> None:
    with pytest.raises(NotYaml) as told:
        parse(text)
    assert (told.value.line, "\n" in told.value.what) == (line, False)
    assert what in told.value.what


@pytest.mark.parametrize(
    ("text", "data"),
    [(b"", None), (b"a: yes", {"a": "yes"}), (b"a: true", {"a": True}), (b"[1e3]", [1000.0])],
)
def test_it_is_yaml_1_2(text: bytes, data: Any) -> None:
    assert parse(text).data == data


@pytest.mark.parametrize("place", ["src/mlflow_conformance", "suites", "tools"])
def test_nothing_else_reads_yaml(place: str) -> None:
    """What people write is read here, what programs print in `stand.deploy.rendered`."""
    readers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / place).rglob("*.py")
        if re.search(r"yaml\.(safe_|full_|unsafe_)?load|import YAML", path.read_text())
    ]
    assert set(readers) <= {
        "src/mlflow_conformance/config/yaml_text.py",
        "src/mlflow_conformance/stand/deploy/rendered.py",
    }
