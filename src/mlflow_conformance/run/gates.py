# SPDX-License-Identifier: Apache-2.0
"""Gates in processes of their own: for mutants, and for each stage of an upgrade."""

import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Generator, Sequence
from pathlib import Path

from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import SPEAKER, Unusable
from mlflow_conformance.core.progress import tell_on
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged
from mlflow_conformance.run.rounds import Round, write

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
    more = [*more, *(["--mutant", mutant] if mutant else [])]
    argv = _gate(folder, profile, tier, ids, reuse=reuse, prepared=prepared, more=more)
    code, output = _finished(argv, within_s=_longest(ids))
    log = folder / "evidence.jsonl"
    if log.exists():
        (folder / _OUTPUT).write_text(output, encoding="utf-8")
    if code == 3 or not log.exists():
        raise _not_run(f" on {mutant}" if mutant else "", output, folder)
    return {c.id: c for c in recorded(log).checks}


def rounds(
    folder: Path,
    profile: str,
    tier: Tier,
    wanted: Sequence[Round],
    *,
    reuse: bool = False,
    prepared: bool = False,
) -> Generator[Round, None, None]:
    """Play rounds one after the other in one process, and yield each when its evidence is on disk.

    Args:
        folder: where that process writes what belongs to no round; it holds no other run.
        reuse, prepared: see `verdicts`.

    Raises:
        Unusable: the process could not be run, or a round did not end; those that were yielded
            are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "rounds.json"
    write(plan, wanted)
    ids = list(dict.fromkeys(i for r in wanted for i in r.checks))
    more = ["--rounds", str(plan)]
    argv = _gate(folder, profile, tier, ids, reuse=reuse, prepared=prepared, more=more)
    left, said = deque(wanted), list[str]()
    patience = _Patience(_longest(wanted[0].checks))
    lines = _lines(argv, patience)
    try:
        while True:
            try:
                line = next(lines)
            except StopIteration as end:
                code: int = end.value
                break
            said.append(line)
            if not (left and left[0].ended_by(line)):
                tell_on(line)
                continue
            yield left.popleft()
            patience.begin(_longest(left[0].checks if left else ()))
    finally:
        lines.close()
        if wanted[0].folder.exists():
            (folder / _OUTPUT).write_text("".join(said), encoding="utf-8")
        else:
            _leave_nothing(folder, plan)
    if left or code == 3:
        where = f" on {left[0].mutant or 'the healthy target'}" if left else ""
        raise _not_run(where, "".join(said), folder)


def _leave_nothing(folder: Path, plan: Path) -> None:
    plan.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _gate(
    folder: Path,
    profile: str,
    tier: Tier,
    ids: Sequence[str],
    *,
    reuse: bool,
    prepared: bool,
    more: Sequence[str],
) -> list[str]:
    return [
        sys.executable, "-m", "mlflow_conformance", "gate",
        "--profile", profile, "--tier", tier, "--keep", "--output", str(folder), *more,
        *(["--reuse"] if reuse else []),
        *(["--prepared"] if prepared else []),
        *(f"--check={check_id}" for check_id in ids),
    ]  # fmt: skip


def _longest(ids: Collection[str]) -> float:
    return _LONGEST_S + _LONGEST_CHECK_S * len(ids)


def _not_run(where: str, output: str, folder: Path) -> Unusable:
    return Unusable(
        f"The checks could not be run{where}: {_reason(output)}",
        remedy=f"See {folder.parent} for what was run before, if anything was",
    )


def _reason(output: str) -> str:
    """Why a gate could not be run: its sentence, which pytest's own last line may follow."""
    lines = output.strip().splitlines() or ["it said nothing"]
    own = [line for line in lines if line.startswith(SPEAKER)]
    return (own or lines)[-1].removeprefix(SPEAKER)


class _Patience:
    """How much longer a gate may take."""

    def __init__(self, seconds: float) -> None:
        self.begin(seconds)

    def begin(self, seconds: float) -> None:
        """So long from now on."""
        self._seconds, self._until = seconds, time.monotonic() + seconds

    def line(self, lines: "queue.SimpleQueue[str | None]") -> str | None:
        """The next line; None after the last one.

        Raises:
            Unusable: there is none in time.
        """
        try:
            return lines.get(timeout=max(self._until - time.monotonic(), 0))
        except queue.Empty:
            raise Unusable(
                f"The checks were not finished within {self._seconds:g} s",
                remedy="Name fewer mutants, or see what the gate alone does",
            ) from None


def _finished(argv: Sequence[str], *, within_s: float) -> tuple[int, str]:
    """Run a gate to its end: exit code and everything that it printed; its progress is told on."""
    said: list[str] = []
    lines = _lines(argv, _Patience(within_s))
    while True:
        try:
            said.append(next(lines))
        except StopIteration as end:
            return end.value, "".join(said)
        tell_on(said[-1])


def _lines(argv: Sequence[str], patience: _Patience) -> Generator[str, None, int]:
    """What a gate prints, line by line as it does; returns its exit code.

    However this ends, the gate is given the time to put back what it broke.

    Raises:
        Unusable: it was not finished in time.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as gate:

        def read() -> None:
            for line in gate.stdout or ():
                lines.put(line)
            lines.put(None)

        reader = threading.Thread(target=read, name="output of a gate")
        reader.start()
        try:
            while (line := patience.line(lines)) is not None:
                yield line
            return gate.wait()
        finally:
            if gate.poll() is None:
                gate.terminate()
                gate.wait()
            reader.join()
            while not lines.empty():  # what it put back when it was told to end
                tell_on(lines.get() or "")
