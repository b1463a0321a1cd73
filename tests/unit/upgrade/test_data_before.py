# SPDX-License-Identifier: Apache-2.0
"""Data of the version before is made while it serves, whichever check comes first."""

import pytest

from repository import ROOT

pytest_plugins = ["pytester"]

CONFTEST = f"""
import importlib.util
import pytest

path = {str(ROOT / "suites/upgrade/conftest.py")!r}
spec = importlib.util.spec_from_file_location("shared", path)
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
data_before = shared.data_before
made = []

@pytest.fixture(scope="session")
def before():
    made.append("before")
    if {{refused}}:
        raise OSError("no data")

@pytest.fixture(scope="session")
def upgraded(data_before):
    made.append("upgraded")
    return made
"""
CHECKS = """
def test_ready(upgraded):
    assert upgraded == {made}

def test_use(before, upgraded):
    pass
"""


@pytest.mark.parametrize(
    ("refused", "words", "made", "passed"),
    [
        (False, [], ["before", "upgraded"], 2),
        (True, ["-k", "ready"], ["upgraded"], 1),  # nobody asks for it: it is not made
        (True, [], ["before", "upgraded"], 1),  # told by the check that needs it, and by no other
    ],
)
def test_it_is_made_before_the_upgrade(
    pytester: pytest.Pytester, refused: bool, words: list[str], made: list[str], passed: int
) -> None:
    pytester.makeconftest(CONFTEST.format(refused=refused))
    pytester.makepyfile(CHECKS.format(made=made))
    done = pytester.runpytest("-p", "no:cacheprovider", *words)
    found = done.parseoutcomes()
    assert found.get("passed") == passed
    if passed == 1 and not words:
        done.stdout.fnmatch_lines(["*OSError: no data*"])
