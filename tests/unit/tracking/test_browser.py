# SPDX-License-Identifier: Apache-2.0
"""A browser that does not work here says nothing of the deployment."""

from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.tracking.browser import Browser, started

_WORKS = 'for last; do :; done\ncase "$last" in data:*) echo "<p>written-by-a-script</p>";; *) '


def _program(folder: Path, script: str) -> str:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_a_page_is_what_its_scripts_made_of_it(tmp_path: Path) -> None:
    program = _program(tmp_path, f'{_WORKS} echo "page of $last";; esac')
    browser = started(["no-such-browser", program], tmp_path, 30)
    assert browser.document("http://mlflow/", tmp_path / "x.png") == "page of http://mlflow/\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'no usable sandbox' >&2; exit 1", "does not start (exit code 1: no usable sandbox)"),
        ("echo '<p></p>'", "does not start (it shows nothing of a page of its own)"),
        ("sleep 60", "shows no page of its own within 0.5 s"),
    ],
)
def test_a_browser_that_does_not_start_decides_nothing(
    script: str, said: str, tmp_path: Path
) -> None:
    program = _program(tmp_path, script)
    with pytest.raises(Undecided) as refused:
        started([program], tmp_path, 0.5 if "sleep" in script else 30)
    assert said in refused.value.reason
    assert "mend or install it" in refused.value.reason


def test_no_browser_at_all(tmp_path: Path) -> None:
    with pytest.raises(Undecided, match="no browser on this machine, none of x: install Chromium"):
        started(["x"], tmp_path, 30)


def test_a_page_that_is_late_shows_nothing_and_a_slow_machine_decides_nothing(
    tmp_path: Path,
) -> None:
    program = _program(tmp_path, "sleep 60")
    picture = tmp_path / "x.png"
    assert Browser(program, tmp_path, 0.3, own_s=0.05).document("http://mlflow/", picture) == ""
    with pytest.raises(Undecided, match="takes 20 s for a page of no server"):
        Browser(program, tmp_path, 0.3, own_s=20).document("http://mlflow/", picture)


def test_a_browser_that_fails_on_the_way_decides_nothing(tmp_path: Path) -> None:
    program = _program(tmp_path, f"{_WORKS} echo 'out of memory' >&2; exit 133;; esac")
    browser = started([program], tmp_path, 30)
    with pytest.raises(Undecided, match="exit code 133: out of memory"):
        browser.document("http://mlflow/", tmp_path / "x.png")
