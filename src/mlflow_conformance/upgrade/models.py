# SPDX-License-Identifier: Apache-2.0
"""Registered models that a client of A wrote, and what clients predict with them later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue, TypeAdapter

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.doors.mlflow import MlflowApi

_SCRIPTS = Path(__file__).parent / "scripts"
WRITTEN = _SCRIPTS / "model_written.py"
READ = _SCRIPTS / "model_read.py"
Predicted = dict[str, list[float] | str]
_PREDICTED = TypeAdapter(Predicted)


class Python(Protocol):
    """A Python with a version of MLflow in it, from which servers are reached."""

    def run(self, script: Path, request: JsonValue) -> JsonValue:
        """Run a script with a request as its only argument; what its last line of output holds."""
        ...


class Models(Strict):
    """Registered versions, and what the client that wrote them predicted.

    Attributes:
        version: of that client.
        questions: what each was asked.
        predicted: by the version's URI.
    """

    version: str
    questions: list[list[float]]
    predicted: dict[str, list[float]]

    def kept_in(self, path: Path) -> None:
        """Write it down."""
        path.write_text(self.model_dump_json(), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Models":
        """What `kept_in` wrote."""
        return cls.model_validate_json(path.read_text("utf-8"))


def write_models(client: Python, api: MlflowApi, name: str) -> Models:
    """Log and register models as people do.

    Args:
        client: from which the server is reached by the address of `api`.
        name: what the models' names begin with; must be new.

    Raises:
        KubeFailed, ValueError: the script ended with an error.
    """
    return Models.model_validate(client.run(WRITTEN, {**_reached(api), "name": name}))


def predictions(client: Python, api: MlflowApi, models: Models) -> tuple[str, Predicted]:
    """The client's version, and by URI what it predicts, or the error that people would see.

    Raises:
        KubeFailed, ValueError: the script ended with an error.
    """
    uris: list[JsonValue] = list(models.predicted)
    questions: list[JsonValue] = [list(row) for row in models.questions]
    told = client.run(READ, {**_reached(api), "uris": uris, "questions": questions})
    assert isinstance(told, dict)
    return str(told["version"]), _PREDICTED.validate_python(told["predicted"])


def other_predictions(models: Models, found: Mapping[str, list[float] | str]) -> list[str]:
    """Models that predict anything else than they did, to the last bit, with what they do."""
    return [
        f"{uri}: {found.get(uri, 'not tried')}, predicted was {wanted}"
        for uri, wanted in models.predicted.items()
        if found.get(uri) != wanted
    ]


def _reached(api: MlflowApi) -> dict[str, JsonValue]:
    return {"url": api.base_url, "headers": dict(api.headers)}
