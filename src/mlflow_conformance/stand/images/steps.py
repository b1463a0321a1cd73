# SPDX-License-Identifier: Apache-2.0
"""Build steps whose result is kept under the hash of everything that went into it.

A step's folder appears under its final name only when it is complete, so a build that was killed
is taken up where it stopped, and two builds at once share their work instead of doing it twice.
"""

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.images.locks import lock_if_free, locked

_META = "meta.json"


class Lane(Enum):
    """What a step mostly waits for. One step runs in each lane at a time."""

    PROCESSOR = "processor"
    OTHER = "network and disk"


@dataclass(frozen=True)
class Work:
    """What a step is given.

    Args:
        out: an empty folder to fill.
        needs: the folders of the steps it needs, by their names.
        key: its content hash.
        stop: set when the build is given up; programs it runs should end then.
    """

    out: Path
    needs: Mapping[str, Path]
    key: str
    stop: threading.Event


def _always(_: Path, __: str) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """One step of the build.

    Args:
        name: unique; also the start of its folder's name.
        inputs: everything that decides the result, besides what the step needs: pins, flags and
            the text of files. A changed value builds the step again.
        needs: names of steps that come first.
        build: fills ``work.out``.
        intact: whether a result kept outside of the folder still exists; given folder and key.
    """

    name: str
    inputs: Mapping[str, str]
    build: Callable[[Work], None]
    needs: tuple[str, ...] = ()
    lane: Lane = Lane.OTHER
    intact: Callable[[Path, str], bool] = _always


@dataclass(frozen=True)
class Result:
    """Where a finished step is.

    Args:
        seconds: how long it took to build, when it was built.
        cached: whether that was before this run.
    """

    name: str
    key: str
    folder: Path
    seconds: float
    cached: bool


def keys(steps: Sequence[Step]) -> dict[str, str]:
    """The content hash of each step: over its inputs and the hashes of what it needs.

    Raises:
        ValueError: a step needs one that is not there or comes later, or a name is used twice.
    """
    found: dict[str, str] = {}
    for step in steps:
        if step.name in found:
            raise ValueError(f"two steps are called {step.name}")
        try:
            needs = {name: found[name] for name in step.needs}
        except KeyError as error:
            raise ValueError(f"{step.name} needs {error.args[0]}, which is not before it") from None
        text = json.dumps([step.name, dict(step.inputs), needs], sort_keys=True)
        found[step.name] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _set_on_error(event: threading.Event) -> Iterator[None]:
    try:
        yield
    except BaseException:
        event.set()
        raise


def remove_tree(path: Path) -> None:
    """Delete a folder, also one with read-only folders in it, as Go's module cache has."""
    if not path.exists():
        return
    for parent, folders, _ in os.walk(path):
        for name in folders:
            folder = Path(parent, name)
            if not folder.is_symlink():
                folder.chmod(0o755)
    shutil.rmtree(path)


@dataclass
class Builder:
    """Builds steps under one folder, at most one in each lane at a time.

    Args:
        root: the cache's folder.
        tell: gets one line for every step that was built, one for all that were cached, and one for
            a step that waits for another run.
    """

    root: Path
    tell: Callable[[str], None]
    _done: int = field(default=0, init=False)
    _telling: threading.Lock = field(default_factory=threading.Lock, init=False)

    def build(self, steps: Sequence[Step]) -> dict[str, Result]:
        """Build what is not there yet; returns every step's result.

        Raises:
            Unusable: a step failed; what was finished before stays finished.
            ValueError: as `keys` raises it.
        """
        key = keys(steps)
        self._done = 0
        lanes = {lane: threading.Semaphore(1) for lane in Lane}
        results: dict[str, Result] = {}
        left = list(steps)
        running: dict[Future[Result], Step] = {}
        stop = threading.Event()
        with (
            ThreadPoolExecutor(max_workers=len(Lane), thread_name_prefix="step") as pool,
            _set_on_error(stop),
        ):
            while left or running:
                cached: list[str] = []
                for step in tuple(left):
                    ready = all(name in results for name in step.needs)
                    if ready and self._whole(step, key[step.name]):
                        results[step.name] = self._kept(step, key[step.name])
                        cached.append(step.name)
                        left.remove(step)
                    elif ready and lanes[step.lane].acquire(blocking=False):
                        folders = {name: results[name].folder for name in step.needs}
                        future = pool.submit(self._one, step, key[step.name], folders, stop)
                        running[future] = step
                        left.remove(step)
                if cached:
                    more = f" and {len(cached) - 1} more" if len(cached) > 1 else ""
                    self._line(f"{cached[-1]}{more} … cached", len(cached), len(steps))
                if not running:
                    continue
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    step = running.pop(future)
                    lanes[step.lane].release()
                    result = results[step.name] = future.result()
                    took = f"{result.seconds // 60:.0f}m{result.seconds % 60:02.0f}s"
                    said = f"{result.name} … {'cached' if result.cached else took}"
                    self._line(said, 1, len(steps))
        return results

    def folder(self, name: str, key: str) -> Path:
        """Where the result of a step is kept."""
        return self.root / "steps" / f"{name}-{key}"

    def sweep(self, key: Mapping[str, str]) -> None:
        """Remove what other pins made of the same steps, and what killed builds left half made.

        What another run is building at this moment is left alone.

        Args:
            key: the content hash of each step, as `keys` gives it.
        """
        kept = {self.folder(*step).name for step in key.items()}
        for folder in (self.root / "steps").iterdir():
            name = folder.name.removeprefix(".").removesuffix(".part")
            if folder.name in kept or name.rpartition("-")[0] not in key:
                continue
            with lock_if_free(self.root / "locks" / name) as free:
                if free:
                    remove_tree(folder)

    def _whole(self, step: Step, key: str) -> bool:
        folder = self.folder(step.name, key)
        return (folder / _META).is_file() and step.intact(folder, key)

    def _kept(self, step: Step, key: str) -> Result:
        folder = self.folder(step.name, key)
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        return Result(step.name, key, folder, float(meta["seconds"]), cached=True)

    def _line(self, said: str, ended: int, total: int) -> None:
        with self._telling:
            self._done += ended
            self.tell(f"[{self._done:2d}/{total}] {said}")

    def _one(
        self, step: Step, key: str, needs: Mapping[str, Path], stop: threading.Event
    ) -> Result:
        folder = self.folder(step.name, key)

        def busy() -> None:
            self.tell(f"        {step.name} is being built by another run; waiting for it")

        with locked(self.root / "locks" / f"{step.name}-{key}", busy):
            if self._whole(step, key):  # the run that was waited for has built it
                return self._kept(step, key)
            out = folder.with_name(f".{folder.name}.part")
            remove_tree(out)  # only a run that was killed leaves one: the lock is ours
            out.mkdir(parents=True)
            started = time.monotonic()
            try:
                step.build(Work(out, needs, key, stop))
            except Unusable:
                raise
            except Exception as error:
                raise Unusable(
                    f"The image step {step.name} failed: {error}",
                    remedy="Correct that and run it again; finished steps are kept",
                ) from error
            seconds = time.monotonic() - started
            meta_file = out / _META
            meta_file.write_text(
                json.dumps({"step": step.name, "key": key, "seconds": round(seconds, 1)}) + "\n",
                encoding="utf-8",
            )
            _sync(meta_file)
            remove_tree(folder)  # there, but no longer intact
            out.rename(folder)
            _sync(folder.parent)
            return Result(step.name, key, folder, seconds, cached=False)
