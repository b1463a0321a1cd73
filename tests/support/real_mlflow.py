# SPDX-License-Identifier: Apache-2.0
"""A Python process with the MLflow of this suite, which it imports once for many scripts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from mlflow_conformance.upgrade.pair import last_line

_SERVES = """
import json, runpy, sys
for line in sys.stdin:
    sys.argv = json.loads(line)
    runpy.run_path(sys.argv[0], run_name="__main__")
    print(flush=True)
"""
ENVIRONMENT = {
    "PATH": "/usr/bin", "MLFLOW_WORKERS": "1", "MLFLOW_REDIS_URL": "redis://x",
    "MLFLOW_HOST": "0.0.0.0", "OTHER": "x",
}  # fmt: skip
"""The variables that it has: as a server's container might set them, one of them unknown."""


@dataclass(frozen=True)
class RealMlflow:
    """The process; its scripts run one after the other."""

    process: "subprocess.Popen[str]"

    def run(self, script: Path, request: Any) -> Any:
        """Run a script with one argument, JSON; what its last line says, likewise."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([str(script), json.dumps(request)]) + "\n")
        self.process.stdin.flush()
        return last_line("".join(takewhile(lambda line: line != "\n", self.process.stdout)))


@contextmanager
def started() -> Iterator[RealMlflow]:
    """The process, for as long as the context lasts."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVES], env=ENVIRONMENT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield RealMlflow(process)
        process.kill()
