# SPDX-License-Identifier: Apache-2.0
"""Build steps: what their hashes depend on, and what is left after a failure or a kill."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.images.locks import locked
from mlflow_conformance.stand.images.steps import (
    Builder,
    Lane,
    Step,
    Work,
    keys,
    remove_tree,
)

_Text = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


def _touch(work: Work) -> None:
    (work.out / "made").write_text("whole")


def _step(name: str, build: Callable[[Work], None] = _touch, **fields: object) -> Step:
    return Step(name, {"pin": "1"}, build, **fields)  # type: ignore[arg-type]


def _builder(root: Path) -> tuple[Builder, list[str]]:
    lines: list[str] = []
    return Builder(root, lines.append), lines


@given(inputs=_Text)
def test_a_hash_depends_on_the_inputs_and_not_on_their_order(inputs: dict[str, str]) -> None:
    backwards = dict(reversed(list(inputs.items())))
    assert keys([Step("a", inputs, _touch)]) == keys([Step("a", backwards, _touch)])


@given(first=_Text, second=_Text)
def test_different_inputs_have_different_hashes(
    first: dict[str, str], second: dict[str, str]
) -> None:
    same = keys([Step("a", first, _touch)]) == keys([Step("a", second, _touch)])
    assert same == (first == second)


def test_a_hash_is_the_same_in_every_run() -> None:
    assert keys([Step("a", {"pin": "1"}, _touch)]) == {"a": "aa93edd698ad"}


def test_a_changed_step_changes_what_needs_it_and_nothing_else() -> None:
    def planned(pin: str) -> list[Step]:
        return [
            Step("base", {"pin": pin}, _touch),
            Step("other", {}, _touch),
            Step("top", {}, _touch, needs=("base",)),
        ]

    before, after = keys(planned("1")), keys(planned("2"))
    assert before["other"] == after["other"]
    assert before["base"] != after["base"]
    assert before["top"] != after["top"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([_step("a"), _step("a")], "two steps are called a"),
        ([_step("a", needs=("b",)), _step("b")], "a needs b, which is not before it"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(steps: list[Step], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keys(steps)


def test_a_second_build_does_nothing(tmp_path: Path) -> None:
    builder, lines = _builder(tmp_path)
    steps = [_step("a"), _step("b", needs=("a",))]
    first = builder.build(steps)
    assert [result.cached for result in first.values()] == [False, False]
    second = builder.build(steps)
    assert [result.cached for result in second.values()] == [True, True]
    assert second["a"].seconds == round(first["a"].seconds, 1)
    assert lines == ["[ 1/2] a … 0m00s", "[ 2/2] b … 0m00s", "[ 2/2] b and 1 more … cached"]


def test_a_step_is_given_the_folders_it_needs(tmp_path: Path) -> None:
    seen: list[str] = []

    def read(work: Work) -> None:
        seen.append((work.needs["a"] / "made").read_text())

    _builder(tmp_path)[0].build([_step("a"), _step("b", read, needs=("a",))])
    assert seen == ["whole"]


def test_a_result_that_is_gone_outside_of_the_cache_is_built_again(tmp_path: Path) -> None:
    there = [True]
    steps = [_step("a", intact=lambda _folder, _key: there[0])]
    builder, _ = _builder(tmp_path)
    builder.build(steps)
    there[0] = False
    assert not builder.build(steps)["a"].cached


def test_a_failed_step_leaves_no_result_and_keeps_the_finished_ones(tmp_path: Path) -> None:
    def fail(work: Work) -> None:
        _touch(work)
        raise OSError("no space left")

    builder, _ = _builder(tmp_path)
    with pytest.raises(Unusable, match="step b failed: no space left"):
        builder.build([_step("a"), _step("b", fail, needs=("a",))])
    result = builder.build([_step("a"), _step("b", needs=("a",))])
    assert (result["a"].cached, result["b"].cached) == (True, False)


def test_a_failure_stops_the_step_in_the_other_lane(tmp_path: Path) -> None:
    started = threading.Event()

    def slow(work: Work) -> None:
        started.set()
        assert work.stop.wait(20)

    def fail(work: Work) -> None:
        assert started.wait(20)
        raise OSError("broken")

    builder, _ = _builder(tmp_path)
    begun = time.monotonic()
    with pytest.raises(Unusable, match="broken"):
        builder.build([_step("slow", slow, lane=Lane.PROCESSOR), _step("fails", fail)])
    assert time.monotonic() - begun < 10


def _hang(work: Work) -> None:
    (work.out / "half").write_text("half")
    (work.out.parents[1] / "begun").touch()
    time.sleep(60)


def _build_and_hang(root: Path) -> None:
    Builder(root, lambda _: None).build([_step("a"), _step("b", _hang, needs=("a",))])


def test_a_killed_build_is_taken_up_where_it_stopped(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_build_and_hang, args=(tmp_path,))
    process.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    builder, _ = _builder(tmp_path)
    result = builder.build([_step("a"), _step("b", needs=("a",))])
    assert (result["a"].cached, result["b"].cached) == (True, False)
    assert sorted(path.name for path in result["b"].folder.iterdir()) == ["made", "meta.json"]
    assert not list((tmp_path / "steps").glob(".*.part"))


def test_two_builds_at_once_build_each_step_once(tmp_path: Path) -> None:
    built: list[str] = []

    def once(work: Work) -> None:
        built.append(work.key)
        time.sleep(0.3)

    lines: list[str] = []
    threads = [
        threading.Thread(target=Builder(tmp_path, lines.append).build, args=([_step("a", once)],))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert sum("being built by another run" in line for line in lines) == 1


def test_a_lock_tells_when_it_has_to_wait(tmp_path: Path) -> None:
    said: list[str] = []
    with locked(tmp_path / "lock"):
        waiting = threading.Thread(target=_take, args=(tmp_path / "lock", said))
        waiting.start()
        while not said:
            time.sleep(0.01)
        assert said == ["busy"]
    waiting.join(10)
    assert said == ["busy", "held"]


def _take(path: Path, said: list[str]) -> None:
    with locked(path, lambda: said.append("busy")):
        said.append("held")


def test_the_record_of_a_step_says_what_it_took(tmp_path: Path) -> None:
    result = _builder(tmp_path)[0].build([_step("a")])["a"]
    meta = json.loads((result.folder / "meta.json").read_text())
    assert meta == {"step": "a", "key": result.key, "seconds": pytest.approx(0, abs=1)}


def test_a_read_only_tree_can_be_removed(tmp_path: Path) -> None:
    tree = tmp_path / "module"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner" / "file").touch()
    (tree / "link").symlink_to(tmp_path)
    (tree / "inner").chmod(0o555)
    remove_tree(tree)
    assert not tree.exists()
    assert tmp_path.is_dir()
    remove_tree(tree)


def test_sweeping_leaves_what_is_current_foreign_or_being_built(tmp_path: Path) -> None:
    builder, _ = _builder(tmp_path)
    old = builder.build([Step("a", {"pin": "0"}, _touch), Step("gone", {}, _touch)])
    half = tmp_path / "steps" / ".a-000000000000.part"
    half.mkdir()
    busy = tmp_path / "steps" / ".a-111111111111.part"
    busy.mkdir()
    current = builder.build([_step("a")])
    with locked(tmp_path / "locks" / "a-111111111111"):
        builder.sweep({"a": current["a"].key})
    left = {path.name for path in (tmp_path / "steps").iterdir()}
    assert left == {current["a"].folder.name, old["gone"].folder.name, busy.name}
