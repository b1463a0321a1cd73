# SPDX-License-Identifier: Apache-2.0
"""Clients of other versions, and what a new version makes of the old one's configuration."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.upgrade.pair import last_line
from mlflow_conformance.upgrade.scripts import SERVER_SETTINGS
from mlflow_conformance.upgrade.settings import (
    VersionSettings,
    other_defaults,
    settings_of,
    unread,
)
from mlflow_conformance.upgrade.skew import Client, matrix
from real_mlflow import RealMlflow


def test_what_worked_before_and_does_not_now_is_lost() -> None:
    client = Client(
        "2.22.1",
        {"log": None, "load": None, "trace": "old", "stage": "no"},
        {"log": None, "load": "HTTP 404", "trace": None, "stage": "no"},
    )
    assert client.lost == ["load: HTTP 404"]
    assert client.ahead == ["trace: old"]
    assert client.nowhere == ["stage: no"]


def test_an_operation_that_is_not_tried_is_lost() -> None:
    assert Client("1", {"log": None}, {}).lost == ["log: not tried"]


def test_the_matrix_has_the_errors_and_nothing_else() -> None:
    found = matrix([Client("1", {"log": None, "load": "no"}, {"log": None, "load": None})])
    assert found == {"client 1 at A": {"load": "no"}, "client 1 at B": "all 2 operations work"}


@pytest.mark.parametrize("said", ["", "text", "warning\n"])
def test_an_output_without_json_is_told(said: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting value"):
        last_line(said)


def test_the_last_line_counts() -> None:
    assert last_line('a warning of some library\n{"a": 1}\n') == {"a": 1}


@pytest.fixture(scope="module")
def here(real_mlflow: RealMlflow) -> VersionSettings:
    """What the installed MLflow makes of a command line that it accepts."""
    return settings_of(
        real_mlflow, ["mlflow", "server", "--port=5000", "--workers", "$(MLFLOW_WORKERS)"]
    )


def test_a_real_version_tells_what_it_knows(here: VersionSettings) -> None:
    assert here.refused is None
    assert here.used == ["--port", "--workers"]
    assert here.set == ["MLFLOW_HOST", "MLFLOW_REDIS_URL", "MLFLOW_WORKERS"]
    assert here.reads("MLFLOW_WORKERS")
    assert here.reads("MLFLOW_HTTP_REQUEST_TIMEOUT")
    assert not here.reads("MLFLOW_REDIS_URL")
    assert here.options["--port"].default == 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mlflow", "server", "--no-such-thing=1"], "No such option"),
        (["mlflow", "server", "--port=many"], "'many' is not a valid"),
        (["sh", "-c", "exec mlflow server --no-such-thing"], "No such option"),
    ],
)
def test_its_own_parser_refuses(real_mlflow: RealMlflow, words: list[str], said: str) -> None:
    assert said in str(settings_of(real_mlflow, words).refused)


def test_a_version_that_says_something_else_is_undecided() -> None:
    class _Silent:
        def run(self, script: Path, request: Any) -> Any:
            return {"version": "1"}

    with pytest.raises(Undecided, match="cannot be read"):
        settings_of(_Silent(), [])


def _without(found: VersionSettings, *names: str, **defaults: object) -> VersionSettings:
    told = json.loads(found.model_dump_json())
    for name in names:
        told["options"].pop(name, None)
        told["variables"].pop(name, None)
        told["mentioned"] = [m for m in told["mentioned"] if m != name]
    for name, value in defaults.items():
        told["variables"][name] = value
    return VersionSettings.model_validate(told)


def test_what_is_set_and_gone_is_told(here: VersionSettings) -> None:
    after = _without(here, "--port", "--host", "MLFLOW_HOST", "MLFLOW_PORT")
    redis = "MLFLOW_REDIS_URL (nor does the old one)"
    assert unread(here, after, []) == ["MLFLOW_HOST", redis]
    assert unread(here, here, []) == [redis]
    assert unread(here, after, ["MLFLOW_REDIS_URL"]) == ["MLFLOW_HOST"]


def test_defaults_count_where_nothing_is_set(here: VersionSettings) -> None:
    after = _without(here, MLFLOW_HOST="other", MLFLOW_HTTP_REQUEST_TIMEOUT=7)
    assert other_defaults(here, after) == {"MLFLOW_HTTP_REQUEST_TIMEOUT": [120, 7]}


def test_every_script_needs_only_mlflow() -> None:
    for script in SERVER_SETTINGS.parent.glob("[a-z]*.py"):
        assert "mlflow_conformance" not in script.read_text("utf-8"), script.name
