# SPDX-License-Identifier: Apache-2.0
"""What is told from looks at pods, the schema and locks."""

from collections.abc import Sequence

import pytest

from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.upgrade.interleaving import ServingPod
from mlflow_conformance.upgrade.locks import Held, changers, locked, longest_wait, read_locks
from mlflow_conformance.upgrade.readiness import Mixed, called_ready, mixed, sent_while_mixed
from mlflow_conformance.upgrade.watching import SchemaLook, serving

S = 1_000_000_000
OLD, NEW = "mlflow:1", "mlflow:2"
OWN = {OLD: "one", NEW: "two"}


def _look(at_s: int, before: str | None, after: str | None, **ready: bool) -> SchemaLook:
    """Pods by name; `o…` are old ones."""
    pods = [
        ServingPod(name, name, image, image, is_ready, terminating=False)
        for name, is_ready in ready.items()
        for image in [OLD if name.startswith("o") else NEW]
    ]
    return SchemaLook(at_s * S, before, pods, after)


def test_a_rolling_upgrade_calls_nobody_ready_too_early() -> None:
    looks = [
        _look(0, "one", "one", o1=True, o2=True),
        _look(1, "one", "two", o1=True, o2=True, n1=False),
        _look(2, "two", "two", o1=True, o2=True, n1=True),
        _look(3, "two", "two", o2=True, n1=True),
        _look(4, "two", "two", n1=True, n2=True),
    ]
    assert called_ready(looks, OWN) == []
    assert mixed(looks, OWN, NEW) == Mixed(old_on_new_s=3.0, new_on_old_s=0.0, nobody_s=0.0)


def test_a_new_pod_that_is_ready_before_the_migration() -> None:
    looks = [_look(0, "one", "one", o1=True), _look(1, "one", "one", o1=True, n1=True)]
    assert called_ready(looks, OWN) == ["n1 of mlflow:2, which needs two, on one"]


def test_an_old_pod_that_is_made_anew_after_it() -> None:
    looks = [
        _look(0, "two", "two", o1=True, n1=True),
        _look(1, "two", "two", o2=False, n1=True),
        _look(2, "two", "two", o2=True, n1=True),
    ]
    assert called_ready(looks, OWN) == ["o2 of mlflow:1, which needs one, on two"]


def test_a_pod_that_becomes_ready_while_the_schema_changes_is_not_accused() -> None:
    looks = [_look(0, "one", "one", o1=True), _look(1, "one", "two", o1=True, n1=True)]
    assert called_ready(looks, OWN) == []


def test_without_an_answer_of_the_database_nobody_is_accused() -> None:
    looks = [_look(0, "one", "one", o1=True), _look(1, None, None, o1=True, n1=True)]
    assert called_ready(looks, OWN) == []


def test_spans_without_a_ready_pod_are_down_time() -> None:
    looks = [
        _look(0, "one", "one"),
        _look(3, "two", "two", n1=True),
        _look(4, "two", "two", n1=True),
    ]
    assert mixed(looks, OWN, NEW).nobody_s == 3.0


def test_requests_while_old_pods_serve_on_the_new_schema_are_counted() -> None:
    looks = [
        _look(0, "one", "one", o1=True),
        _look(2, "two", "two", o1=True),
        _look(4, "two", "two", n1=True),
        _look(6, "two", "two", n1=True),
    ]
    sent = [SentRequest("span", at * S, at * S, 1, 400) for at in range(6)]
    assert sent_while_mixed(looks, OWN, NEW, sent) == {"span": 2}


def _rows(*rows: Sequence[object]) -> list[Held]:
    return [lock for at, row in enumerate(rows) for lock in read_locks(at * S, [row])]


def test_locks_tell_who_changes_the_schema_and_who_waits() -> None:
    locks = _rows(
        (7, True, "AccessExclusiveLock", "spans", 0.0, "10.0.0.7", 1.0, 5.0),
        (9, False, "RowExclusiveLock", "spans", 1.5, "10.0.0.1", 0.0, 6.0),
        (7, True, "AccessExclusiveLock", "spans", 0.0, "10.0.0.7", 3.0, 5.0),
        (8, True, "ShareLock", "runs", 0.0, "10.0.0.8", 3.0, 5.5),
    )
    assert [(c.session, c.address) for c in changers(locks)] == [((7, 5.0), "10.0.0.7")]
    assert locked(locks) == {"spans": 2.0}
    worst = longest_wait(locks)
    assert worst is not None
    assert (worst.waiting_s, worst.table) == (1.5, "spans")
    assert longest_wait([]) is None


@pytest.mark.parametrize(
    ("labels", "template"),
    [
        ({"app": "mlflow", "pod-template-hash": "7b48"}, "7b48"),
        ({"controller-revision-hash": "mlflow-5d"}, "mlflow-5d"),
        ({}, OLD),
    ],
)
def test_what_a_pod_was_made_from(labels: dict[str, str], template: str) -> None:
    raw = {"spec": {"containers": [{"name": "mlflow", "image": OLD}]}}
    pod = Pod(
        name="m", namespace="n", uid="1", ip=None, node=None, phase="Running", ready=True,
        terminating=False, restarts=0, started=None, labels=labels, raw=raw,
    )  # fmt: skip
    assert serving(pod, "mlflow").template == template
