# SPDX-License-Identifier: Apache-2.0
"""Documented lines of backup and restore, as a profile has them: with names in braces."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.core import shell


@dataclass(frozen=True)
class Lines:
    """Runs documented lines in a terminal.

    Attributes:
        words: what names in braces stand for in every line.
    """

    terminal: Terminal
    words: Mapping[str, str]

    def run(self, line: str, *, timeout_s: float, **words: str) -> shell.Completed:
        """Run a line, to the first of its commands that fails; a failure is in its exit code.

        Args:
            words: what further names in braces stand for; other braces stay as they are.

        Raises:
            CommandFailed: it was not finished in time.
        """
        whole = f"set -eu\n{filled(line, {**self.words, **words})}"
        return self.terminal.run(whole, within_s=timeout_s)


def filled(line: str, words: Mapping[str, str]) -> str:
    """A line with each ``{word}`` replaced."""
    for word, meaning in words.items():
        line = line.replace("{" + word + "}", meaning)
    return line
