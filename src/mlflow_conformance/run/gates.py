# SPDX-License-Identifier: Apache-2.0
"""Gates in processes of their own: for each mutant, and for each stage of an upgrade."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import SPEAKER, Unusable
from mlflow_conformance.core.progress import tell_on
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged

_OUTPUT = "output.txt"
"""What a gate printed; beside its evidence."""
_LONGEST_S = 900
_LONGEST_CHECK_S = 420  # of any check: HPA-4 waits for the autoscaler's window of five minutes


def verdicts(
    folder: Path,
    profile: str,
    tier: Tier,
    ids: Sequence[str],
    *,
    reuse: bool = False,
    prepared: bool = False,
    mutant: str | None = None,
    more: Sequence[str] = (),
) -> dict[str, Judged]:
    """Run checks in a process of their own, so that nothing of a mutant stays in this one.

    Args:
        folder: where the gate writes; it holds no other run.
        prepared: the run before has stood everything up and proven it.
        mutant: breaks the target.
        more: options of the gate.

    Raises:
        Unusable: the gate could not be run, or did not end.
    """
    argv = [
        sys.executable, "-m", "mlflow_conformance", "gate",
        "--profile", profile, "--tier", tier, "--keep", "--output", str(folder), *more,
    ]  # fmt: skip
    argv += ["--reuse"] if reuse else []
    argv += ["--prepared"] if prepared else []
    argv += ["--mutant", mutant] if mutant else []
    for check_id in ids:
        argv += ["--check", check_id]
    code, output = _finished(argv, within_s=_LONGEST_S + _LONGEST_CHECK_S * len(ids))
    log = folder / "evidence.jsonl"
    if log.exists():
        (folder / _OUTPUT).write_text(output, encoding="utf-8")
    if code == 3 or not log.exists():
        raise Unusable(
            f"The checks could not be run{f' on {mutant}' if mutant else ''}: {_reason(output)}",
            remedy=f"See {folder.parent} for what was run before, if anything was",
        )
    return {c.id: c for c in recorded(log).checks}


def _reason(output: str) -> str:
    """Why a gate could not be run: its sentence, which pytest's own last line may follow."""
    lines = output.strip().splitlines() or ["it said nothing"]
    own = [line for line in lines if line.startswith(SPEAKER)]
    return (own or lines)[-1].removeprefix(SPEAKER)


def _finished(argv: Sequence[str], *, within_s: float) -> tuple[int, str]:
    """Run a gate to its end: exit code and everything that it printed; its progress is told on.

    However this ends, the gate is given the time to put back what it broke.
    """
    lines: list[str] = []
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as gate:

        def read() -> None:
            for line in gate.stdout or ():
                lines.append(line)
                tell_on(line)

        reader = threading.Thread(target=read, name="output of a gate")
        reader.start()
        try:
            gate.wait(timeout=within_s)
        except subprocess.TimeoutExpired as problem:
            raise Unusable(
                f"The checks were not finished within {within_s:g} s",
                remedy="Name fewer mutants, or see what the gate alone does",
            ) from problem
        finally:
            if gate.poll() is None:
                gate.terminate()
                gate.wait()
            reader.join()
        return gate.returncode, "".join(lines)
