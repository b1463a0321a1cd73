# SPDX-License-Identifier: Apache-2.0
"""How long gates took, until the first verdict and in all, and what their checks spent it on.

    python benchmarks/gate.py RUN…                   every check, the longest first
    python benchmarks/gate.py RUN… --against RUN…    and the ratio to other gates

A RUN is a folder with evidence, or its evidence.jsonl. Of several runs the median counts, check by
check. Runs are compared by the checks that all of them passed, and by what they did besides.
Compare runs of one machine, made in turns while it did nothing else.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import CheckFinished, RunEnded, RunStarted, Spent
from mlflow_conformance.evidence.verdict import Verdict, judge_check


@dataclass(frozen=True)
class Gate:
    """One run.

    Attributes:
        checks: that it finished, by ID.
    """

    started: datetime
    ended: datetime
    checks: dict[str, CheckFinished]

    @classmethod
    def read(cls, path: Path) -> "Gate":
        """Read a run's evidence.

        Raises:
            Unusable: it is none, or the run was killed before its end or saw nothing.
        """
        events = read(path / "evidence.jsonl" if path.is_dir() else path)
        started = [e.started for e in events if isinstance(e, RunStarted)]
        ended = [e.ended for e in events if isinstance(e, RunEnded)]
        checks = {e.id: e for e in events if isinstance(e, CheckFinished)}
        if len(started) != 1 or len(ended) != 1 or not checks:
            raise Unusable(
                f"{path} is not one run that saw something and came to its end",
                remedy="Name the folder of one gate",
            )
        return cls(started[0], ended[0], checks)

    @property
    def first_s(self) -> float:
        """From its start to the end of its first check, seconds."""
        ends = [c.started + timedelta(seconds=c.duration_s) for c in self.checks.values()]
        return (min(ends) - self.started).total_seconds()

    @property
    def besides_s(self) -> float:
        """What is no check: the way to the first one, and clearing away, seconds."""
        checks = sum(c.duration_s for c in self.checks.values())
        return (self.ended - self.started).total_seconds() - checks

    def passed(self, check_id: str) -> bool:
        """Whether a check did."""
        return judge_check(self.checks[check_id])[0] is Verdict.PASS

    def spent(self, check_id: str) -> Spent:
        """What a check spent its time on; nothing where nobody measured it."""
        return self.checks[check_id].spent or Spent()


def shared(gates: Sequence[Gate], against: Sequence[Gate]) -> list[str]:
    """The checks that every run finished, and passed if runs are compared: one that broke off is
    no faster.

    Raises:
        Unusable: there is none.
    """
    every = [*gates, *against]
    found = [i for i in gates[0].checks if all(i in gate.checks for gate in every)]
    if against:
        found = [i for i in found if all(gate.passed(i) for gate in every)]
    if not found:
        raise Unusable("These runs have no check in common", remedy="Name gates of one profile")
    return found


def seconds(gates: Sequence[Gate], check_id: str) -> float:
    """The median of what a check took."""
    return statistics.median(gate.checks[check_id].duration_s for gate in gates)


def table(gates: Sequence[Gate], against: Sequence[Gate]) -> list[str]:
    """A line for each check, and what it comes to."""
    ids = shared(gates, against)
    head = ("s", 7), ("before", 7), ("ratio", 6), ("setup", 7), ("call", 7), ("end", 6), ("cpu", 6)
    words = " ".join(f"{word:>{width}}" for word, width in head)
    lines = [f"{'check':22} {words}  waited for"]
    for check_id in sorted(ids, key=lambda i: -seconds(gates, i)):
        spent, took = gates[0].spent(check_id), seconds(gates, check_id)
        before = seconds(against, check_id) if against else None
        waits = sorted(spent.waited_s.items(), key=lambda item: -item[1])
        lines.append(
            f"{check_id:22} {took:7.1f} {_number(before, 7, 1)} {_number(_ratio(took, before), 6)} "
            f"{spent.setup_s:7.1f} {spent.call_s:7.1f} {spent.teardown_s:6.1f} {spent.cpu_s:6.1f}  "
            + ", ".join(f"{name} {waited:.1f}" for name, waited in waits[:3])
        )
    for name, of in (
        (f"{len(ids)} checks", lambda group: sum(seconds(group, i) for i in ids)),
        ("besides", lambda group: statistics.median(g.besides_s for g in group)),
        ("until first verdict", lambda group: statistics.median(g.first_s for g in group)),
    ):
        took, before = of(gates), of(against) if against else None
        lines.append(
            f"{name:22} {took:7.1f} {_number(before, 7, 1)} {_number(_ratio(took, before), 6)}"
        )
    return lines


def _ratio(took: float, before: float | None) -> float | None:
    return took / before if before else None


def _number(value: float | None, width: int, digits: int = 2) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}"


def main() -> int:
    """Read the runs, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--against", nargs="+", type=Path, default=[], metavar="RUN")
    options = parser.parse_args()
    try:
        gates = [Gate.read(path) for path in options.runs]
        against = [Gate.read(path) for path in options.against]
        print("\n".join(table(gates, against)))
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
