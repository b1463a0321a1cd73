# SPDX-License-Identifier: Apache-2.0
"""Runs Locust as a process of its own.

Importing Locust patches the standard library for gevent, which breaks what botocore and urllib3
have already imported; so nothing here imports it, and the process that tests is never patched.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.waits import Hopeless, Waiter
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import read
from mlflow_conformance.load.run_record import RunRecord, read_run

PLAN_VARIABLE = "MLFLOW_CONFORMANCE_LOAD_PLAN"
FOLDER_VARIABLE = "MLFLOW_CONFORMANCE_LOAD_FOLDER"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")

_START_S = 60.0
_MARGIN_S = 20.0
"""For Locust to start and connect its workers, and to write and quit, on a busy machine."""

Role = Literal["alone", "master", "worker"]


def record_path(folder: Path, worker: int) -> Path:
    """Where a worker's record is."""
    return folder / f"records-{worker}.ndjson.gz"


def arguments(role: Role, workers: int, host: str, port: int, locustfile: Path) -> list[str]:
    """Locust's arguments for one process: alone, or the master and workers of one run.

    Args:
        host: where the master listens, and where workers find it.
        locustfile: where our locustfile is for that process.
    """
    one_user_a_worker = ["--users", str(workers), "--spawn-rate", str(workers)]
    # Failed requests are what a run is for; they say nothing about Locust.
    common = ["-f", str(locustfile), "--headless", "--only-summary", "--exit-code-on-error", "0"]
    match role:
        case "alone":
            return [*common, *one_user_a_worker]
        case "master":
            return [
                *common, *one_user_a_worker, "--master",
                "--master-bind-host", host, "--master-bind-port", str(port),
                "--expect-workers", str(workers), "--expect-workers-max-wait", str(int(_START_S)),
            ]  # fmt: skip
        case "worker":
            return [*common, "--worker", "--master-host", host, "--master-port", str(port)]


@dataclass(frozen=True)
class Load(ABC):
    """Load that is going on: Locust alone, or its master.

    Attributes:
        folder: the records, and Locust's own words in locust.log.
    """

    plan: LoadPlan
    folder: Path

    def started(self, waiter: Waiter) -> datetime:
        """Wait for the start of the plan, and return it.

        Raises:
            Undecided: Locust ended before it began.
            TimedOut: it did not begin in time.
        """
        path = record_path(self.folder, 0)

        def begun() -> datetime | None:
            self.collect()
            try:
                return read(path).header.start
            except Unusable:
                return None  # not there yet, or not whole yet

        try:
            seen = waiter.until(
                "begun: load",
                begun,
                done=lambda at: at is not None,
                hopeless=lambda _: None if self.goes_on() else _last_words(self.folder),
                timeout="load begun",
                interval_s=0.1,
            )
        except Hopeless as problem:
            raise Undecided(f"the load did not begin: {problem}") from problem
        assert seen is not None
        return seen

    def wait(self) -> RunRecord:
        """Wait for the end of the plan and of every request; returns what was recorded.

        A Locust that outlives its plan is ended, and its record then has no end.

        Raises:
            Undecided: nothing was recorded.
        """
        self.wait_end(_START_S + self.plan.duration_s + self.plan.workload.timeout_s + _MARGIN_S)
        return self.record()

    def record(self) -> RunRecord:
        """What has been recorded until now.

        Raises:
            Undecided: nothing was.
        """
        self.collect()
        paths = [record_path(self.folder, w) for w in range(self.plan.workers)]
        found = [path for path in paths if path.is_file()]
        if not found:
            raise Undecided(f"the load did not begin: {_last_words(self.folder)}")
        return read_run(found)

    @abstractmethod
    def goes_on(self) -> bool:
        """Whether Locust still runs."""

    @abstractmethod
    def wait_end(self, limit_s: float) -> None:
        """Wait for the end of Locust, and end it when that takes longer than a limit."""

    @abstractmethod
    def collect(self) -> None:
        """Bring what has been recorded until now into the folder."""


@dataclass(frozen=True)
class LocalLoad(Load):
    """Load from this machine; its records are written where they belong."""

    process: subprocess.Popen[bytes]

    def goes_on(self) -> bool:
        """See `Load.goes_on`."""
        return self.process.poll() is None

    def wait_end(self, limit_s: float) -> None:
        """See `Load.wait_end`."""
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            _end(self.process)

    def collect(self) -> None:
        """Nothing to bring."""


@contextmanager
def running(plan: LoadPlan, folder: Path) -> Iterator[LocalLoad]:
    """Start the load from this machine, and end it on the way out if it still goes on.

    A plan for several workers gets a process for each, and a master.

    Args:
        folder: gets the records and locust.log; it must exist.

    Raises:
        Unusable: Locust is not installed.
    """
    if importlib.util.find_spec("locust") is None:
        raise Unusable(
            "Locust is not installed",
            remedy="Install it with `pip install 'mlflow-conformance[load]'`",
        )
    with ExitStack() as stack:
        private = Path(tempfile.mkdtemp(prefix="mlflow-conformance-load-"))
        stack.callback(shutil.rmtree, private)
        plan.write(private / "plan.json")
        environment = _environment(private / "plan.json", folder)
        log = stack.enter_context((folder / "locust.log").open("wb"))

        def start(role: Role, port: int) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "locust",
                    *arguments(role, plan.workers, "127.0.0.1", port, LOCUSTFILE),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Locust reads a configuration file of the working directory.
                cwd=private,
                # Ctrl-C in the terminal reaches the caller, who ends the load in good order.
                start_new_session=True,
            )
            stack.callback(_end, process)
            return process

        if plan.workers == 1:
            first = start("alone", 0)
        else:
            port = _free_port()
            first = start("master", port)
            for _ in range(plan.workers):
                start("worker", port)
        yield LocalLoad(plan, folder.resolve(), first)


def _environment(plan: Path, folder: Path) -> Mapping[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
    return {**kept, PLAN_VARIABLE: str(plan), FOLDER_VARIABLE: str(folder.resolve())}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(folder: Path) -> str:
    log = folder / "locust.log"
    said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return ending(said) or "Locust said nothing"
