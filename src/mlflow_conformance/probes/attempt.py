# SPDX-License-Identifier: Apache-2.0
"""One attempt at a connection. Standard library alone: its source is sent into any Python."""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def attempt(host: str, port: int, timeout_s: float, say: str = "") -> dict[str, Any]:
    """Try to open one TCP connection, and to get an answer to `say` where it is given.

    Args:
        timeout_s: for connecting, and again for the answer, seconds.
        say: what the client sends first, Latin-1.

    Returns:
        `outcome` is ``open`` (and answered, where something was said), ``silent`` (open, and no
        answer), ``refused``, ``timeout``, ``unreachable`` or ``name``; `elapsed_s` counts to the
        first byte of the answer.
    """
    started = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            outcome = _answer(connection, say) if say else "open"
    except TimeoutError:
        outcome = "timeout"
    except ConnectionRefusedError:
        outcome = "refused"
    except socket.gaierror:
        outcome = "name"
    except OSError:
        outcome = "unreachable"
    return {"outcome": outcome, "elapsed_s": round(time.monotonic() - started, 4)}


def _answer(connection: socket.socket, say: str) -> str:
    try:
        connection.sendall(say.encode("latin-1"))
        return "open" if connection.recv(1) else "silent"
    except OSError:
        return "silent"


def main() -> None:
    """Read attempts from standard input as JSON, make them at once, write what came of them."""
    attempts = json.load(sys.stdin)
    with ThreadPoolExecutor(max(1, len(attempts))) as pool:
        json.dump(list(pool.map(lambda a: attempt(**a), attempts)), sys.stdout)


if __name__ == "__main__":
    main()
