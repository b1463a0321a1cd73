# SPDX-License-Identifier: Apache-2.0
"""Transfers over a slow line: they take longer than a minute, and go on beside other checks."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from threading import Event

from mlflow_conformance.artifacts.thresholds import SlowTransfers
from mlflow_conformance.doors.download import Download, Downloaded
from mlflow_conformance.doors.mlflow import ARTIFACTS, answer, new_run, store
from mlflow_conformance.doors.upload import Upload, content
from mlflow_conformance.target.base import HttpDoor


@dataclass(frozen=True)
class Transferred:
    """What came of them.

    Attributes:
        upload: what was sent slowly; its seed is the key of the artifact.
        status: of the reply to it; None without one.
        upload_s, download_s: how long they took, seconds.
        offered: what was stored at once, to be read slowly.
    """

    upload: Upload
    status: int | None
    upload_s: float
    offered: bytes
    downloaded: Downloaded
    download_s: float


class SlowLine:
    """An upload and a download at the same time through one door, in the background.

    They begin with its making. Whoever takes what they made has to remove it.

    Attributes:
        experiment: the ID of the experiment that was made for them; None before.
        taken: somebody else removes it.
    """

    def __init__(self, front: HttpDoor, name: str, row: SlowTransfers) -> None:
        """Begin; `name` is that of the experiment."""
        self.experiment: str | None = None
        self.taken = False
        self._front, self._row = front, row
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(3)
        self._outcome: Future[Transferred] = self._pool.submit(self._transfer, name)

    def take(self) -> str | None:
        """The experiment, once both are over; from now on it is the caller's to remove."""
        wait_for([self._outcome])
        self.taken = True
        return self.experiment

    def outcome(self) -> Transferred:
        """What came of both; waits until they are over.

        Raises:
            ApiError: MLflow refused what they need: an experiment, a run, the artifact to read.
            NoReply: it did not answer that.
        """
        return self._outcome.result()

    def stop(self) -> None:
        """Break off what still goes on, and wait until it is."""
        self._stopped.set()
        self._pool.shutdown()

    def _transfer(self, name: str) -> Transferred:
        api, row = self._front.api(), self._row
        made = answer("experiments/create", api.post("experiments/create", name=name))
        self.experiment = str(made["experiment_id"])
        run_id = new_run(api, self.experiment).run_id
        root = f"{self.experiment}/{run_id}/artifacts"
        stored = f"{root}/offered.bin"
        offered = content(stored, row.download_bytes)
        path = f"{ARTIFACTS}/{stored}"
        store(api, stored, offered)
        key = f"{root}/slow.bin"
        upload = Upload(
            url=f"{self._front.url}{ARTIFACTS}/{key}", headers=dict(self._front.headers),
            seed=key, length=row.upload_bytes, sent=row.upload_bytes, seconds=row.seconds,
            ca_file=self._front.ca_file, client_file=self._front.client_file,
        )  # fmt: skip
        download = Download(
            url=f"{self._front.url}{path}", headers=dict(self._front.headers),
            length=row.download_bytes, seconds=row.seconds,
            ca_file=self._front.ca_file, client_file=self._front.client_file,
        )  # fmt: skip
        began = time.monotonic()
        reading = self._pool.submit(self._timed_download, download)
        status = upload.send(self._stopped)
        upload_s = time.monotonic() - began
        downloaded, download_s = reading.result()
        return Transferred(upload, status, upload_s, offered, downloaded, download_s)

    def _timed_download(self, download: Download) -> tuple[Downloaded, float]:
        began = time.monotonic()
        return download.receive(self._stopped), time.monotonic() - began
