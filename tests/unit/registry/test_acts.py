# SPDX-License-Identifier: Apache-2.0
"""What has an event is done once for a model and a prompt, in an order that MLflow takes."""

from mlflow_conformance.doors.mlflow import MlflowApi, NewRun
from mlflow_conformance.registry.acts import EVENTS, Act, acts_of
from senders import Always


def _acts(server: Always) -> list[Act]:
    api, run = MlflowApi("http://m", server, {}), NewRun("r", "mlflow-artifacts:/1/r/artifacts")
    return [a for prompt in (False, True) for a in acts_of(api, f"{prompt}", run, prompt=prompt)]


def test_every_event_is_caused_once() -> None:
    caused = [act.event for act in _acts(Always())]
    assert sorted(caused) == sorted(f"{e}.{a}" for e, actions in EVENTS.items() for a in actions)
    assert len({act.told for act in _acts(Always())}) == len(caused)


def test_a_model_is_made_before_its_version_and_both_before_what_they_carry() -> None:
    server = Always()
    for act in _acts(server)[:3]:
        act.do()
    assert [(a.method, a.url.rpartition("mlflow/")[2]) for a in server.asked] == [
        ("POST", "registered-models/create"),
        ("POST", "model-versions/create"),
        ("POST", "model-versions/set-tag"),
    ]
