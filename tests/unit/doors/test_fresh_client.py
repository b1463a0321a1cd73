# SPDX-License-Identifier: Apache-2.0
"""A model in a new Python process: what it says, and when that says nothing of the server."""

from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.fresh_client import predicted

_MLFLOW = """
class _Model:
    def predict(self, asked):
        class _Array:
            def tolist(self):
                return [sum(q) for q in asked]
        return _Array()
class pyfunc:
    @staticmethod
    def load_model(uri):
        if "gone" in uri:
            raise LookupError("no such model")
        print("a line of a library")
        return _Model()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Python with a client that stands for MLflow's own: what is tried is the process."""
    (tmp_path / "mlflow.py").write_text(_MLFLOW)
    (tmp_path / "sklearn.py").write_text("")
    return {"PYTHONPATH": str(tmp_path)}


def test_what_it_predicts(environment: dict[str, str]) -> None:
    assert predicted("models:/m/1", [[1.0, 2.0]], environment) == [3.0]


def test_a_model_that_cannot_be_loaded_is_told(environment: dict[str, str]) -> None:
    said = predicted("models:/gone/1", [[1.0]], environment)
    assert isinstance(said, str)
    assert "no such model" in said


def test_a_process_that_does_not_start_decides_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sklearn.py").write_text("raise ImportError('no libgomp here')")
    with pytest.raises(Undecided, match=r"does not start on this machine .*no libgomp here"):
        predicted("models:/m/1", [[1.0]], environment)
