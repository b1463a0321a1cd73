# SPDX-License-Identifier: Apache-2.0
"""Serves the operations over standard input and output: one JSON object a line.

A request is ``{"id": 1, "op": "tcp", "arguments": {…}}``; its reply is ``{"id": 1, "result": …}``
or ``{"id": 1, "error": "…"}``. Replies come as they are ready, so a slow operation holds up none.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
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


if __name__ == "__main__":
    replies = sys.stdout
    sys.stdout = sys.stderr  # what an operation or a library prints must not look like a reply
    serve(sys.stdin, replies)
