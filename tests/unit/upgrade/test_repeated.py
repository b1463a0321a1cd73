# SPDX-License-Identifier: Apache-2.0
"""The migration of a version taken from its own objects, and repeated on copies."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.upgrade import repeated as module
from mlflow_conformance.upgrade.copies import Copies
from mlflow_conformance.upgrade.migrating import OwnMigration, own_migration
from mlflow_conformance.upgrade.repeated import SchemaState, repeated

LABELS = {"app": "migrate"}
OLD, NEW = SchemaState("one", "a"), SchemaState("two", "b")


def _objects() -> list[dict[str, Any]]:
    spec = {
        "containers": [
            {
                "name": "migrate",
                "image": "mlflow:2",
                "env": [
                    {"name": "PGHOST", "value": "live"},
                    {"name": "MLFLOW_BACKEND_STORE_URI", "value": "live"},
                    {"name": "HOME", "value": "/tmp"},
                ],
            }
        ],
        "volumes": [
            {"name": "scripts", "configMap": {"name": "scripts"}},
            {"name": "others", "configMap": {"name": "not-rendered"}},
        ],
    }
    template = {"metadata": {"labels": {**LABELS, "version": "2"}}, "spec": spec}
    return [
        {"kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": {"migrate.py": "new"}},
        {"kind": "Job", "metadata": {"name": "m"}, "spec": {"template": template}},
    ]


def test_the_job_of_the_new_version_brings_its_own_scripts() -> None:
    found = own_migration(_objects(), LABELS)
    assert [c["metadata"]["name"] for c in found.configmaps] == ["mlflow-conformance-scripts"]
    names = [v["configMap"]["name"] for v in found.spec["volumes"]]
    assert names == ["mlflow-conformance-scripts", "not-rendered"]


def test_nothing_of_it_leads_to_the_live_server() -> None:
    kube = cast(Kube, None)  # nothing is asked of the cluster
    copies = Copies(kube=kube, pod="server", address="", secret="copies", password="")
    (container,) = own_migration(_objects(), LABELS)._on(copies, "twice")["containers"]
    named = {e["name"]: e for e in container["env"]}
    assert set(named) == {"HOME", "MLFLOW_BACKEND_STORE_URI"}
    key = named["MLFLOW_BACKEND_STORE_URI"]["valueFrom"]["secretKeyRef"]
    assert key == {"name": "copies", "key": "twice"}


def test_without_such_a_job_it_is_undecided() -> None:
    with pytest.raises(Undecided):
        own_migration(_objects(), {"app": "another"})


class _Copies:
    """Databases whose schema changes as their migrations do, and sessions that may be cut off."""

    def __init__(self, *, changes: bool = True, cuts: bool = False, torn: bool = False) -> None:
        self.kube = None
        self.changes, self.cuts, self.torn = changes, cuts, torn
        self.schema = {"twice": OLD, "halfway": OLD}
        self.reader, self.waiting = False, False

    def make(self, name: str) -> str:
        return name

    def sql(self, statement: str, database: str, *, reader: str = "") -> str:
        match statement:
            case module._REVISION:
                return self.schema[database].revision
            case module._STRUCTURE:
                return self.schema[database].structure
            case module._READ:
                self.reader = True
            case module._READERS:
                return str(int(self.reader))
            case module._WAITING:
                return str(int(self.waiting))
            case module._END_READERS:
                self.reader = False
        return "0"


class _Migration:
    def __init__(self, copies: _Copies) -> None:
        self.copies = copies

    @contextmanager
    def prepared(self, _kube: object, _waiter: Waiter) -> Iterator[None]:
        yield

    @contextmanager
    def going_on(
        self, _copies: object, database: str, _names: Sequence[str], _waiter: Waiter
    ) -> Iterator[None]:
        copies = self.copies
        if copies.reader:
            copies.waiting = not copies.cuts
            copies.reader = not copies.cuts
            yield
            copies.waiting = False
            if copies.torn:
                copies.schema[database] = SchemaState("one", "b")
            return
        if copies.changes:
            copies.schema[database] = NEW
        yield


def _seen(copies: _Copies, monkeypatch: pytest.MonkeyPatch) -> module.Repeated:
    monkeypatch.setattr(module, "outcomes", lambda _kube, names, _waiter: dict.fromkeys(names, ""))
    migration = cast(OwnMigration, _Migration(copies))
    return repeated(cast(Copies, copies), migration, Waiter(0.01))


def test_a_killed_migration_leaves_the_old_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _seen(_Copies(), monkeypatch)
    assert (seen.killed, seen.after_both, seen.after_again) == (OLD, NEW, NEW)
    assert seen.reader_stayed


def test_a_torn_schema_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _seen(_Copies(torn=True), monkeypatch)
    assert seen.killed == SchemaState("one", "b")


def test_a_reader_that_is_cut_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _seen(_Copies(cuts=True), monkeypatch).reader_stayed


def test_without_a_new_schema_nothing_can_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _seen(_Copies(changes=False), monkeypatch).killed is None
