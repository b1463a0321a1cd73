# SPDX-License-Identifier: Apache-2.0
"""The source of this package and its suites, parsed once for all tests of a process."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree. What is given out is shared: nobody may change it."""
    return ast.parse(path.read_text("utf-8"))
