# SPDX-License-Identifier: Apache-2.0
"""Documented lines of backup and restore, as a profile has them: with names in braces."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import Terminal, terminal
from mlflow_conformance.core import shell
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.base import Target

_AFTER_S = 240
"""Within which what a restore changed is put back."""


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


@contextmanager
def documented_lines(kube: Kube, target: Target) -> Iterator[Lines]:
    """A terminal for the lines of `names.backup` and `names.restore`; ask `Target.need_own` first.

    In the end the Jobs that lines of a restore made are removed, and the line that `names.restore`
    has for afterwards was run if there are any.

    Raises:
        Undecided: a program that the lines call is not there.
        KubeFailed: the API server refused.
        CommandFailed: the line for afterwards was not finished in time.
    """
    backup, restore = target.names.backup, target.names.restore
    texts = [*([backup.command] if backup else []), *(restore.lines if restore else [])]
    needed = [p for p in ("kubectl", "helm") if any(re.search(rf"\b{p} ", t) for t in texts)]
    with terminal(kube, target.root, needed) as prompt:
        lines = Lines(prompt, {"namespace": kube.namespace})
        before = jobs.names(kube, restore.selector) if restore else set()
        try:
            yield lines
        finally:
            if restore:
                made = jobs.names(kube, restore.selector) - before
                if restore.after and made:
                    lines.run(restore.after, timeout_s=_AFTER_S)
                jobs.remove(kube, sorted(jobs.names(kube, restore.selector) - before))


def filled(line: str, words: Mapping[str, str]) -> str:
    """A line with each ``{word}`` replaced."""
    for word, meaning in words.items():
        line = line.replace("{" + word + "}", meaning)
    return line
