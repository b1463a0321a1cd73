# SPDX-License-Identifier: Apache-2.0
"""The command with its sub-commands, and how it ends.

Exit codes: 0 all pass or waived, 1 a fail, 2 no fail but an unknown, 3 wrong usage or no usable
cluster.
"""

from collections.abc import Sequence
from itertools import pairwise

import typer

from mlflow_conformance.cli.checks import checks
from mlflow_conformance.cli.diff import diff
from mlflow_conformance.cli.down import down
from mlflow_conformance.cli.gate import gate
from mlflow_conformance.cli.host import host
from mlflow_conformance.cli.images import images
from mlflow_conformance.cli.init import init
from mlflow_conformance.cli.mutants import mutants
from mlflow_conformance.cli.profile import profile
from mlflow_conformance.cli.rbac import rbac
from mlflow_conformance.cli.report import report
from mlflow_conformance.cli.semantics import semantics
from mlflow_conformance.cli.sla import sla
from mlflow_conformance.cli.upgrade import upgrade
from mlflow_conformance.cli.upload import upload
from mlflow_conformance.cli.version import version
from mlflow_conformance.core.errors import Unusable, say

_INTERRUPTED = 130
"""What Typer makes of a KeyboardInterrupt in a sub-command."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Conformance and chaos suite for MLflow on Kubernetes.",
)
for _command in (
    init, gate, semantics, sla, upgrade, mutants, report, diff, upload, checks, rbac, host, images,
    down, version,
):  # fmt: skip
    app.command()(_command)
app.add_typer(profile, name="profile")


def run(words: Sequence[str]) -> int:
    """The command with these arguments, to its exit code.

    Wrong usage and unusable input end with 3 and one sentence.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    try:
        _refuse_empty(words)
        code = app(list(words), standalone_mode=False)
    except Unusable as problem:
        return say(str(problem))
    except typer.TyperException as problem:
        sentence = " ".join(problem.format_message().replace("Value error, ", "").split())
        stop = "" if sentence.endswith(("?", ".")) else "."
        return say(f"{sentence}{stop} Use `mlflow-conformance --help` to see what there is.")
    except typer.Abort:
        raise KeyboardInterrupt from None
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _refuse_empty(words: Sequence[str]) -> None:
    """Make sure that no argument is an empty text, as one of a variable that is not set would be.

    An empty path would be the working directory, and an empty name the profile's own.

    Raises:
        Unusable: one is.
    """
    for before, word in pairwise(["", *words]):
        if word == "" or (word.startswith("--") and word.endswith("=")):
            option = word if word else before
            about = option.removesuffix("=") if option.startswith("--") else "an argument"
            raise Unusable(
                f"The value of {about} is empty",
                remedy="Leave it out, or set the variable that it was to be taken from",
            )
