# SPDX-License-Identifier: Apache-2.0
"""A run's folder is of one run, also when two begin at once."""

from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.run import make_folder


def test_of_two_runs_that_begin_in_one_folder_one_has_it(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "out", "first")  # has written nothing yet
    with pytest.raises(Unusable, match="holds the evidence of another run"):
        make_folder(tmp_path / "out", "second")
    made.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_can_be_made_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(Unusable, match="cannot be written: No space left on device"):
        make_folder(tmp_path / "out", "first")
    assert list(tmp_path.iterdir()) == []
