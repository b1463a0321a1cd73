# SPDX-License-Identifier: Apache-2.0
"""A terminal as people have it: bash, with a kubectl and a helm that find the cluster themselves.

Commands of documentation are run here exactly as they are written; what they leave open is a
variable.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.guides import Command
from mlflow_conformance.core import shell
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided

GOOD = "as documented"
"""What `Terminal.judged` says of a command that did what its guide says."""

_PRIVATE = 0o600


@dataclass(frozen=True)
class Terminal:
    """Where commands are run.

    Attributes:
        folder: the working directory.
        environment: what is set besides this process's own environment; it may hold secrets.
    """

    folder: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(
        self, line: str, *, within_s: float, variables: Mapping[str, str] | None = None
    ) -> shell.Completed:
        """Run a line of bash to its end, whatever its exit code.

        Args:
            within_s: seconds after which it is ended.
            variables: what the line leaves open.

        Raises:
            CommandFailed: it did not end in time.
        """
        return shell.run(
            ["bash", "-o", "pipefail", "-c", line],
            timeout_s=within_s,
            cwd=self.folder,
            env={**self.environment, **(variables or {})},
            check=False,
        )

    def judged(
        self,
        command: Command,
        *,
        within_s: float,
        watch_s: float,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command of a guide; `GOOD`, or what was wrong in one line.

        What it printed is not in the answer, for it may be a secret; what it complained about is.

        Args:
            within_s: seconds in which it must end.
            watch_s: seconds for which an endless command is watched.
        """
        if command.endless and not command.meanwhile:
            return self._endless(command, watch_s, variables)
        line = command.line
        if command.meanwhile:
            line = f"{line} >/dev/null & trap 'kill $!; wait' EXIT\n{command.meanwhile}"
        try:
            done = self.run(line, within_s=within_s, variables=variables)
        except shell.CommandFailed:
            return f"did not end within {within_s:g} s"
        if done.code != 0:
            return f"exit code {done.code}: {_complaint(done)}"
        return _shown(command, done)

    def _endless(
        self, command: Command, watch_s: float, variables: Mapping[str, str] | None
    ) -> str:
        try:
            done = self.run(command.line, within_s=watch_s, variables=variables)
        except shell.CommandFailed as stopped:
            return _shown(command, stopped.completed)
        return f"ended by itself with exit code {done.code}: {_complaint(done)}"

    def with_variables(self, **variables: str) -> "Terminal":
        """The same terminal with more variables set."""
        return Terminal(self.folder, {**self.environment, **variables})


def _complaint(done: shell.Completed) -> str:
    return ending(done.stderr) or "it said nothing"


def _shown(command: Command, done: shell.Completed) -> str:
    if re.search(command.shows, done.stdout + done.stderr, re.MULTILINE):
        return GOOD
    return f"nothing that it printed matches {command.shows}"


@contextmanager
def terminal(kube: Kube, folder: Path, needed: Sequence[str]) -> Iterator[Terminal]:
    """A terminal whose kubeconfig knows this cluster alone.

    Args:
        folder: the working directory.
        needed: which of `kubectl` and `helm` there must be.

    Raises:
        Undecided: this machine lacks one of them.
        KubeFailed: the kubeconfig cannot be read.
    """
    with TemporaryDirectory(prefix="mlflow-conformance-") as made:
        programs = Path(made) / "bin"
        programs.mkdir()
        for name, program in (("kubectl", kube.kubectl), ("helm", kube.helm)):
            found = shutil.which(program)
            if found is None:
                if name in needed:
                    raise Undecided(f"there is no {name} on this machine")
                continue
            (programs / name).symlink_to(Path(found).absolute())
        config = Path(made) / "kubeconfig"
        config.touch(mode=_PRIVATE)
        config.write_text(
            kube.run("config", "view", "--minify", "--flatten", "--raw"), encoding="utf-8"
        )
        environment = {
            "KUBECONFIG": str(config),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            # What helm keeps, it keeps here.
            "HELM_CACHE_HOME": made,
            "HELM_CONFIG_HOME": made,
            "HELM_DATA_HOME": made,
        }
        yield Terminal(folder, environment)
