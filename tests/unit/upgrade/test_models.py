# SPDX-License-Identifier: Apache-2.0
"""What clients predict with models that another client wrote."""

from pathlib import Path

from mlflow_conformance.upgrade.models import Models, other_predictions

MODELS = Models(version="3.16.1", questions=[[0.5]], predicted={"models:/m/1": [0.1 + 0.2]})


def test_the_last_bit_counts() -> None:
    assert other_predictions(MODELS, {"models:/m/1": [0.1 + 0.2]}) == []
    assert other_predictions(MODELS, {"models:/m/1": [0.3]}) == [
        "models:/m/1: [0.3], predicted was [0.30000000000000004]"
    ]


def test_an_error_and_what_was_not_tried_are_told() -> None:
    assert "KeyError: x" in other_predictions(MODELS, {"models:/m/1": "KeyError: x"})[0]
    assert "not tried" in other_predictions(MODELS, {})[0]


def test_models_survive_being_written_down(tmp_path: Path) -> None:
    MODELS.kept_in(tmp_path / "models.json")
    assert Models.read(tmp_path / "models.json") == MODELS
