# SPDX-License-Identifier: Apache-2.0
"""What has an event is done once for a model and a prompt, in an order that MLflow takes."""

from typing import Any

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, NewRun
from mlflow_conformance.registry.acts import EVENTS, Act, acts_of


def _acts(calls: list[tuple[str, str]]) -> list[Act]:
    def sender(method: str, url: str, **_: Any) -> Reply:
        calls.append((method, url.rpartition("mlflow/")[2]))
        return Reply(200, {}, b"{}", 0)

    api, run = MlflowApi("http://m", sender, {}), NewRun("r", "mlflow-artifacts:/1/r/artifacts")
    return [a for prompt in (False, True) for a in acts_of(api, f"{prompt}", run, prompt=prompt)]


def test_every_event_is_caused_once() -> None:
    caused = [act.event for act in _acts([])]
    assert sorted(caused) == sorted(f"{e}.{a}" for e, actions in EVENTS.items() for a in actions)
    assert len({act.told for act in _acts([])}) == len(caused)


def test_a_model_is_made_before_its_version_and_both_before_what_they_carry() -> None:
    calls: list[tuple[str, str]] = []
    for act in _acts(calls)[:3]:
        act.do()
    assert calls == [
        ("POST", "registered-models/create"),
        ("POST", "model-versions/create"),
        ("POST", "model-versions/set-tag"),
    ]
