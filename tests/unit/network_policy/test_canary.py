# SPDX-License-Identifier: Apache-2.0
"""The canary over networks that enforce, ignore, and do neither."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.network_policy.canary import run_canary
from mlflow_conformance.network_policy.matrix import Destination, Source
from mlflow_conformance.network_policy.pods import Attempt, Probes
from mlflow_conformance.network_policy.survey import survey

QUICK = Waiter(0.02)


@dataclass
class Network:
    """Probe pods whose answers depend on whether the policy is there."""

    answer: Callable[[bool], str]
    policy: bool = False
    kube: Any = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kube = self

    def ensure(self, sources: Mapping[str, Source], **_: object) -> None: ...

    def namespace(self, source: str) -> str:
        return f"of-{source}"

    def ip(self, source: str) -> str:
        return "127.0.0.1"

    def attempts(
        self, wanted: Mapping[str, Sequence[Destination]], timeout_s: float
    ) -> dict[str, list[Attempt]]:
        self.asked += list(wanted)
        return {n: [Attempt(self.answer(self.policy), 0.01) for _ in d] for n, d in wanted.items()}

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        assert manifests[0]["kind"] == "NetworkPolicy"
        assert manifests[0]["metadata"]["namespace"] == "of-canary-listener"
        self.policy = True

    def delete(self, kind: str, name: str, *, namespace: str) -> None:
        assert (kind, name) == ("networkpolicy", "canary")
        self.policy = False


def _probes(network: Network) -> Probes:
    return cast(Probes, network)


def test_an_enforcing_network_is_proven() -> None:
    network = Network(lambda denied: "timeout" if denied else "open")
    canary = run_canary(_probes(network), QUICK, 0.1)
    assert canary.proven
    assert canary.cut_after_s is not None
    assert not network.policy


def test_an_ignoring_network_is_not_proven() -> None:
    network = Network(lambda _: "open")
    canary = run_canary(_probes(network), QUICK, 0.1)
    assert (canary.before, canary.denied, canary.after) == ("open", "open", None)
    assert not canary.proven
    assert not network.policy


def test_a_refusing_network_is_not_proven() -> None:
    network = Network(lambda denied: "refused" if denied else "open")
    assert not run_canary(_probes(network), QUICK, 0.1).proven


def test_a_path_that_was_never_open_proves_nothing() -> None:
    network = Network(lambda _: "timeout")
    canary = run_canary(_probes(network), QUICK, 0.1)
    assert canary.before == "timeout"
    assert not canary.proven


def test_a_path_that_stays_cut_proves_nothing() -> None:
    cut = False

    def answer(denied: bool) -> str:
        nonlocal cut
        cut = cut or denied
        return "timeout" if cut else "open"

    canary = run_canary(_probes(Network(answer)), QUICK, 0.1)
    assert canary.after == "timeout"
    assert not canary.proven


def test_the_policy_is_lifted_when_a_probe_fails() -> None:
    def answer(denied: bool) -> str:
        if denied:
            raise KeyboardInterrupt
        return "open"

    network = Network(answer)
    with pytest.raises(KeyboardInterrupt):
        run_canary(_probes(network), QUICK, 0.1)
    assert not network.policy


def test_a_survey_asks_again_only_where_an_allowed_path_is_not_open_yet() -> None:
    answers = iter(["timeout", "timeout", "timeout", "open"])
    network = Network(lambda _: next(answers))
    destination = Destination("mlflow service", "mlflow", "10.0.0.1", 5000)
    sources = {"friend": Source(reaches=["mlflow"]), "stranger": Source(reaches=[])}
    matrix = survey(_probes(network), sources, [destination], Waiter(1))
    assert network.asked == ["friend", "stranger", "friend", "friend"]
    assert [c.wrong for c in matrix.cells] == [None, None]
    assert matrix.rounds == 3
