# SPDX-License-Identifier: Apache-2.0
"""Suites of several checkouts, one after the other, in one process."""

import sys


def forget_suites() -> None:
    """Import them anew next time: another checkout has modules of the same names."""
    for name in [name for name in sys.modules if name.split(".")[0] == "suites"]:
        del sys.modules[name]
