# SPDX-License-Identifier: Apache-2.0
"""Serves the operations over standard input and output: one JSON object a line.

A request is ``{"id": 1, "op": "tcp", "arguments": {…}}``; its reply is ``{"id": 1, "result": …}``
or ``{"id": 1, "error": "…"}``. Replies come as they are ready, so a slow operation holds up none.
An argument is a file that is locked meanwhile, so that two agents never serve from one pod.
"""

import fcntl
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from mlflow_conformance.doors import operations
from mlflow_conformance.mutants import lying_proxy

OPERATIONS = {**operations.OPERATIONS, **lying_proxy.OPERATIONS}
"""What a runner can do, and how one lies when a mutant is tried."""


def serve(requests: TextIO, replies: TextIO, *, workers: int = 32) -> None:
    """Answer until the input ends."""
    lock = threading.Lock()

    def answer(line: str) -> None:
        number: object = None
        try:
            request: dict[str, Any] = json.loads(line)
            number = request["id"]
            reply = {"id": number, "result": OPERATIONS[request["op"]](**request["arguments"])}
            text = json.dumps(reply)
        except Exception as problem:  # noqa: BLE001 - it belongs to the one who asked
            text = json.dumps({"id": number, "error": f"{type(problem).__name__}: {problem}"})
        with lock:
            replies.write(text + "\n")
            replies.flush()

    with ThreadPoolExecutor(workers) as pool:
        for line in requests:
            pool.submit(answer, line)


def _locked(path: str) -> TextIO:
    """A lock that is held until this process ends.

    Raises:
        SystemExit: another agent holds it.
    """
    held = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - closed by the process's end
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another run uses this runner")
    return held


if __name__ == "__main__":
    lock = _locked(sys.argv[1]) if len(sys.argv) > 1 else None
    replies = sys.stdout
    sys.stdout = sys.stderr  # what an operation or a library prints must not look like a reply
    serve(sys.stdin, replies)
