# SPDX-License-Identifier: Apache-2.0
"""The bucket and the database before and after."""

from pathlib import Path

from mlflow_conformance.upgrade.objects import Objects, only_later, orphaned, touched
from mlflow_conformance.upgrade.things import GivenThing


def objects(orphans: tuple[str, ...] = (), **etags: str) -> Objects:
    return Objects(etags=etags, empty=[], elsewhere=[], orphans=list(orphans))


def test_an_object_is_lost_when_it_is_gone_or_another() -> None:
    before = objects(a="1", b="2", c="3")
    assert before.lost(objects(a="1", b="9", new="4")) == ["b: another content", "c: gone"]
    assert before.lost(before) == []


def test_an_orphan_is_one_that_had_an_owner() -> None:
    before = objects(a="1", b="2", orphans=("b",))
    assert orphaned(before, objects(a="1", b="2", new="3", orphans=("a", "b", "new"))) == ["a"]


def test_only_what_is_new_is_told() -> None:
    assert only_later(["model m"], ["run r", "model m"]) == ["run r"]


def test_what_is_changed_and_removed_on_purpose_is_known_by_its_name() -> None:
    things = [
        GivenThing(kind=kind, name=f"{part}.txt", part=part, reads=[])
        for kind, part in (("artifact", "kept"), ("artifact", "removed"), ("run", "changed"))
    ]
    assert touched(things) == ["removed.txt"]


def test_objects_survive_being_written_down(tmp_path: Path) -> None:
    found = objects(a="1", orphans=("b",))
    found.kept_in(tmp_path / "objects.json")
    assert Objects.read(tmp_path / "objects.json") == found
