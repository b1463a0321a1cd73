# SPDX-License-Identifier: Apache-2.0
"""How a report comes onto the disk."""

import os
import tempfile
from pathlib import Path

from mlflow_conformance.core.errors import Unusable


def replace(path: Path, content: str) -> None:
    """Write a report so that a reader never sees half of it: it appears whole, or what was stays.

    Raises:
        Unusable: it cannot be written.
    """
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as f:
            temporary = Path(f.name)
            f.write(content.encode("utf-8"))
            # A temporary file is private to its owner; a report is for those who read the log.
            os.fchmod(f.fileno(), 0o644)
        temporary.replace(path)
    except OSError as problem:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise Unusable(
            f"The report {path} cannot be written: {problem.strerror}",
            remedy="Make room or make the folder writable, then render the report again",
        ) from problem
