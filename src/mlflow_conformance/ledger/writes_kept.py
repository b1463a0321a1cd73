# SPDX-License-Identifier: Apache-2.0
"""Acknowledged writes, held against what one door shows of them afterwards."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ApiError
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import SetFinding, check_set
from mlflow_conformance.ledger.writers import TURN, digest_of, value_of

_SHOWN = 200
_NOTHING = SetFinding(0, [], [], [], [])


@dataclass(frozen=True)
class WritesKept:
    """What one door shows of the acknowledged writes of a kind.

    Attributes:
        kind: of the ledger's operations.
        halves: requests of which a part is there and a part is not.
        wrong: values that are there and are not what was written.
        refused: which call, status and sentence MLflow answered in place of showing them.
        unseen: why nobody could look: no answer came, or SQL or the bucket could not be read.
    """

    door: str
    kind: str
    finding: SetFinding
    halves: Sequence[str]
    wrong: Sequence[str]
    refused: str = ""
    unseen: str = ""

    @property
    def shown(self) -> bool:
        """They were looked at."""
        return not (self.refused or self.unseen)

    @property
    def holds(self) -> bool:
        """They are shown, and nothing is lost, doubled, invented, torn or changed."""
        return self.shown and self.finding.holds and not (self.halves or self.wrong)

    @property
    def broken(self) -> list[str]:
        """What is wrong, a few words for each thing."""
        if self.refused:
            return [f"{self.door}, {self.kind}: refused: {self.refused}"]
        found = self.finding
        said = [
            f"{len(values)} {word}"
            for word, values in (
                ("lost", found.lost),
                ("invented", found.ghosts),
                ("doubled", found.duplicated),
                ("half there", self.halves),
                ("changed", self.wrong),
            )
            if values
        ]
        return [f"{self.door}, {self.kind}: {', '.join(said)}"] if said else []


def judge_metrics(
    door: str, operations: Iterable[Operation], present: Mapping[str, Sequence[tuple[int, float]]]
) -> WritesKept:
    """Hold the metrics that a door shows, by run, against the ledger."""
    adds = [o for o in operations if o.kind == "add"]
    named = [replace(o, value=[o.key, o.value]) for o in adds]
    seen: list[JsonValue] = [[run, step] for run, points in present.items() for step, _ in points]
    there = {(run, step) for run, points in present.items() for step, _ in points}
    requests: dict[tuple[str, int], list[Operation]] = defaultdict(list)
    for operation in adds:  # writes of one request began together
        requests[operation.key, operation.invoked_ns].append(operation)
    halves = [
        f"{key} steps {ops[0].value} to {ops[-1].value}"
        for (key, _), ops in requests.items()
        if 0 < sum((key, o.value) in there for o in ops) < len(ops)
    ]
    wrong = [
        f"{run} step {step}: {value}"
        for run, points in present.items()
        for step, value in points
        if value != value_of(step)
    ]
    return WritesKept(door, "add", check_set(named, seen), halves, wrong)


def judge_artifacts(
    door: str, operations: Iterable[Operation], present: Mapping[int, str]
) -> WritesKept:
    """Hold the artifacts that a door shows, their sha256 by number, against the ledger."""
    puts = [o for o in operations if o.kind == "put"]
    wrong = [f"{n}: {digest}" for n, digest in present.items() if digest != digest_of(n)]
    return WritesKept(door, "put", check_set(puts, list(present)), [], wrong)


def judge_named(
    door: str, kind: str, operations: Iterable[Operation], present: Iterable[tuple[str, str]]
) -> WritesKept:
    """Hold the params, tags, aliases or versions that a door shows against the ledger.

    Args:
        present: the name of each, and its value; what the writers did not name is left out.
    """
    own = [(int(n.removeprefix(TURN)), v) for n, v in present if n.startswith(TURN)]
    # An alias is one of the only version that nobody else writes.
    wrong = [f"{n}: {v}" for n, v in own if v != ("1" if kind == "alias" else str(n))]
    return WritesKept(
        door, kind, check_set([o for o in operations if o.kind == kind], [n for n, _ in own]), [],
        wrong,
    )  # fmt: skip


def shown_by(door: str, kind: str, look: Callable[[], WritesKept]) -> WritesKept:
    """What a door shows of the writes of a kind, or why it does not, so that others can be asked.

    A server's error (5xx) and silence are asked once more: whether a write is there is judged here,
    and not how often the server answers.

    Raises:
        Undecided: MLflow does not know the name that this door calls it by.
    """
    nothing = WritesKept(door, kind, _NOTHING, [], [])
    try:
        try:
            return look()
        except ApiError as problem:
            if problem.status < 500:
                raise
        except NoReply:
            pass
        return look()
    except ApiError as problem:
        return replace(nothing, refused=brief(str(problem), _SHOWN))
    except (NoReply, InsideFailed) as problem:
        return replace(nothing, unseen=brief(f"{type(problem).__name__}: {problem}", _SHOWN))


def wrong_with(kept: Sequence[WritesKept]) -> tuple[list[str], str]:
    """What is wrong with acknowledged writes, and why it would say nothing about the target.

    What could not be looked at is told only where nothing else is wrong, with the reason.
    """
    if broken := [what for each in kept for what in each.broken]:
        return broken, ""
    unseen = [f"{each.door}, {each.kind}: {each.unseen}" for each in kept if each.unseen]
    return unseen, "not every door could be looked through" if unseen else ""
