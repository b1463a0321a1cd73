# SPDX-License-Identifier: Apache-2.0
"""Run a program that deploys; its refusal becomes a sentence with the remedy."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.core.brevity import REASON, brief
from mlflow_conformance.core.errors import Unusable


class ProgramRefused(Unusable):
    """The program said no, or did not end; ``output`` is all it said."""

    def __init__(self, what: str, *, remedy: str, output: str) -> None:
        self.output = output
        super().__init__(what, remedy=remedy)


def run_program(
    argv: Sequence[str | Path],
    seconds: float,
    *,
    env: Mapping[str, str],
    called: str,
    remedies: tuple[str, str],
) -> str:
    """Run a program to its end and return its standard output.

    It ends with this process, also when that is killed: an upgrade that goes on by itself would
    meet the next run's.

    Args:
        called: what it is called in the sentence, such as ``helm upgrade``.
        remedies: what to do when it refuses, and when it does not end.

    Raises:
        ProgramRefused: its exit code is not 0, or it did not end within `seconds`.
        Unusable: there is no such program.
    """
    try:
        done = shell.run(argv, timeout_s=seconds, env=env, check=False)
    except FileNotFoundError:
        raise Unusable(
            f"There is no {argv[0]}", remedy="Build it: mlflow-conformance images"
        ) from None
    except shell.CommandFailed as stopped:
        raise ProgramRefused(
            f"{called} did not end within {seconds:.0f} s",
            remedy=remedies[1],
            output=stopped.completed.stderr + stopped.completed.stdout,
        ) from None
    if done.code != 0:
        raise ProgramRefused(
            f"{called} failed: {_sentence(done.stderr or done.stdout)}",
            remedy=remedies[0],
            output=done.stderr + done.stdout,
        )
    return done.stdout


def _sentence(output: str) -> str:
    """What the program complains about, without its frame."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    chosen = [line for line in lines if not line.startswith(("Use --debug", "level=", "WARNING"))]
    text = " ".join(" ".join(chosen).split()) or "no message"
    return brief(text.removeprefix("Error: ").removeprefix("error: "), REASON)
