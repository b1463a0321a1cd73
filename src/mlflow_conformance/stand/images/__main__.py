# SPDX-License-Identifier: Apache-2.0
"""``python -m mlflow_conformance.stand.images build``: the build alone."""

import sys
import time

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images


def main(argv: list[str]) -> int:
    """Build everything; 0 when it is all there, 3 when it cannot be had."""
    if argv != ["build"]:
        print("usage: python -m mlflow_conformance.stand.images build", file=sys.stderr)
        return 3
    started = time.monotonic()
    try:
        built = images.build_all(lambda line: print(line, flush=True))
    except Unusable as error:
        print(error, file=sys.stderr)
        return 3
    print(f"{built.node_image} after {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
