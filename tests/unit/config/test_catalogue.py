# SPDX-License-Identifier: Apache-2.0
"""The catalogue is read from the suites' source, and a check that it would miss is refused."""

from pathlib import Path

import pytest

from mlflow_conformance.config import catalogue
from mlflow_conformance.core.errors import Unusable

CHECK = '''
from mlflow_conformance.evidence.case import check

@check("{id}", impact="i", remedy="r"{more})
def test_it(evidence):
    """{title}"""
'''


def write(path: Path, id: str = "NET-1", title: str = "A title.", more: str = "") -> None:  # noqa: A002
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CHECK.format(id=id, title=title, more=more))


def test_what_a_check_declares(tmp_path: Path) -> None:
    path = tmp_path / "network" / "test_a.py"
    write(path, title="First line.\n\n    Second paragraph.", more=", disruptive=True")
    (info,) = catalogue.read(tmp_path).values()
    assert (info.id, info.title) == ("NET-1", "First line")
    assert (info.disruptive, info.function, info.path, info.line) == (True, "test_it", path, 5)


def test_only_files_of_tests_are_read(tmp_path: Path) -> None:
    write(tmp_path / "helpers.py")
    (tmp_path / "test_plain.py").write_text("@other\ndef test_x(): ...\ndef f(): ...\n")
    assert catalogue.read(tmp_path) == {}


def test_nothing_is_imported(tmp_path: Path) -> None:
    write(tmp_path / "test_a.py")
    with (tmp_path / "test_a.py").open("a") as file:
        file.write("raise SystemExit('imported')\n")
    assert set(catalogue.read(tmp_path)) == {"NET-1"}


def test_one_id_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    write(tmp_path / "a" / "test_a.py")
    write(tmp_path / "b" / "test_b.py")
    with pytest.raises(Unusable, match=r"NET-1 is used twice: .*test_a\.py:5 and .*test_b\.py:5"):
        catalogue.read(tmp_path)


@pytest.mark.parametrize("title", ["", "   ", "."])
def test_a_check_without_a_title_is_refused(tmp_path: Path, title: str) -> None:
    write(tmp_path / "test_a.py", title=title)
    with pytest.raises(Unusable, match=r"NET-1 in .* has no docstring"):
        catalogue.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"def f(:\n", r"is not Python: .* \(line 1\)"),
        (b"a = '\x00'", "is not Python"),
        (b"\xff\xfe", "is not Python"),
        (b"(" * 400, "is not Python"),
    ],
)
def test_what_is_no_python_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "test_a.py").write_bytes(content)
    with pytest.raises(Unusable, match=told):
        catalogue.read(tmp_path)


@pytest.mark.parametrize(
    "decorator",
    ['check(id="NET-1", impact="i", remedy="r")', "check(ID)", "check", "case.check(ID)"],
)
def test_an_id_that_cannot_be_read_is_refused(tmp_path: Path, decorator: str) -> None:
    (tmp_path / "test_a.py").write_text(f"@{decorator}\ndef test_it(): '''T'''\n")
    with pytest.raises(Unusable, match="whose ID cannot be read"):
        catalogue.read(tmp_path)
