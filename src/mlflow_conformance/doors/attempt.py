# SPDX-License-Identifier: Apache-2.0
"""One attempt at a connection. Standard library alone: its source is sent into any Python."""

import json
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_PACE_S = 0.05  # between rounds of a watch, so that what is open is not flooded


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


def at_once(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make attempts at the same time; what came of them in their order."""
    with ThreadPoolExecutor(max(1, len(attempts))) as pool:
        return list(pool.map(lambda a: attempt(**a), attempts))


def watch(attempts: list[dict[str, Any]], for_s: float) -> None:
    """Make attempts again and again from now on, one line each time; then wait to be ended."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        print(json.dumps(at_once(attempts)), flush=True)
        time.sleep(_PACE_S)
    print("done", flush=True)
    signal.pause()


def main() -> None:
    """Make the attempts of standard input, or with arguments watch: attempts as JSON, seconds."""
    if len(sys.argv) > 1:
        watch(json.loads(sys.argv[1]), float(sys.argv[2]))
    else:
        json.dump(at_once(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
