# SPDX-License-Identifier: Apache-2.0
"""Go's caches: gone after a build, there after a failure, never taken from another build."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images
from mlflow_conformance.stand.images.golang import caches_used, remove_caches
from mlflow_conformance.stand.images.locks import lock_if_free, locked
from mlflow_conformance.stand.images.steps import Step, Work


def _module(cache: Path) -> Path:
    """One module, read-only as Go leaves it."""
    folder = cache / "go" / "mod" / "example.com@v1.0.0"
    folder.mkdir(parents=True)
    (folder / "a.go").write_text("package a\n", encoding="utf-8")
    folder.chmod(0o555)
    return folder


def test_caches_are_removed_with_what_is_read_only_in_them(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    _module(tmp_path)
    remove_caches(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"locks", "steps"}


def test_the_last_of_two_builds_removes_them(tmp_path: Path) -> None:
    module = _module(tmp_path)
    with caches_used(tmp_path):
        with caches_used(tmp_path):
            pass
        remove_caches(tmp_path)
        assert (module / "a.go").is_file()
    remove_caches(tmp_path)
    assert not (tmp_path / "go").exists()


def test_a_removal_that_was_cut_off_is_finished_by_the_next_one(tmp_path: Path) -> None:
    _module(tmp_path)
    (tmp_path / "go").rename(tmp_path / ".go.old")
    _module(tmp_path)
    remove_caches(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"locks"}


@pytest.mark.parametrize("fails", [False, True])
def test_a_failed_build_leaves_them_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setenv("MLFLOW_CONFORMANCE_CACHE", str(tmp_path))

    def build(_: Work) -> None:
        _module(tmp_path)
        if fails:
            raise OSError("no space left")

    with pytest.raises(Unusable) if fails else nullcontext():
        images._build([Step("a", {}, build)], lambda _: None)
    assert (tmp_path / "go").exists() == fails


def test_a_run_that_builds_nothing_leaves_the_caches_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_CONFORMANCE_CACHE", str(tmp_path))
    steps = [Step("a", {}, lambda _: None)]
    images._build(steps, lambda _: None)
    module = _module(tmp_path)
    images._build(steps, lambda _: None)
    assert module.is_dir()


def test_a_shared_lock_bars_the_one_that_wants_it_alone(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        locked(lock, shared=True),
        locked(lock, shared=True),
        lock_if_free(lock) as free,
    ):
        assert not free
    with lock_if_free(lock) as free:
        assert free
