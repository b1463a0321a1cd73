# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance`: one module for each sub-command.

A module here imports little, so that `--help` and `version` answer at once; what a sub-command
does is imported when it is given. The command itself is imported below, when signals are caught.
"""

import gc
import sys

from mlflow_conformance.core.errors import say
from mlflow_conformance.core.signals import ending_once

_MADE_BETWEEN_COLLECTIONS = 20_000
"""Objects. Looking through what a command loads, and keeps, took a tenth of its start."""


def main() -> None:
    """Entry point: from its first moments on a signal ends it with 3 and one sentence."""
    gc.set_threshold(_MADE_BETWEEN_COLLECTIONS)
    try:
        with ending_once():
            from mlflow_conformance.cli.command import run

            code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = say("The command was stopped by a signal. Run it again.")
    sys.exit(code)
