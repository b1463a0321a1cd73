# SPDX-License-Identifier: Apache-2.0
"""What every page of an upgrade says in the same words: the one line first, areas, and times."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_conformance.evidence.upgrade import Cause, UpgradeVerdict
from mlflow_conformance.evidence.verdict import Judged, Verdict
from mlflow_conformance.report import words

_LONGEST = 240
"""Characters of a reason in the one line."""

_AREAS = (
    ("UPG-1.traces", "Traces"),
    ("UPG-1.ready", "Readiness"),
    ("UPG-1.migration", "Migration"),
    ("UPG-1.repeated", "Migration"),
    ("UPG-1", "The upgrade under load"),
    ("UPG-3", "Data"),
    ("UPG-4.api", "API"),
    ("UPG-4.skew", "Clients"),
    ("UPG-4.latency", "Latency"),
    ("UPG-4.options", "Options of the server"),
    ("UPG-5", "Values and Secrets"),
    ("UPG-2", "The way back"),
)
"""What a check is about, by what its ID begins with, in the order of the page."""
_OTHERS = "Other checks of the upgrade"


@dataclass(frozen=True)
class Area:
    """The checks of an upgrade that are about one thing.

    Attributes:
        verdict: the worst.
    """

    name: str
    checks: Sequence[Judged]

    @property
    def verdict(self) -> Verdict:
        """The worst of its checks; waived counts as passed."""
        verdicts = {judged.verdict for judged in self.checks}
        worst = (Verdict.FAIL, Verdict.UNKNOWN)
        return next((v for v in worst if v in verdicts), Verdict.PASS)


def areas(verdict: UpgradeVerdict) -> list[Area]:
    """The checks of an upgrade by what they are about; areas without any are left out."""
    by_name: dict[str, list[Judged]] = {name: [] for _, name in _AREAS}
    for judged in verdict.checks:
        by_name.setdefault(_area(judged.id), []).append(judged)
    return [Area(name, checks) for name, checks in by_name.items() if checks]


def _area(check_id: str) -> str:
    for start, name in _AREAS:
        if check_id == start or check_id.startswith(f"{start}."):
            return name
    return _OTHERS


def headline(verdict: UpgradeVerdict) -> str:
    """The one sentence a person needs first, for example
    ``NO-GO — 3.16.1 to 3.17.2, rolling: Traces (UPG-1.traces): spans lost: 12, promised = 0.``
    """
    before, after = verdict.sides
    way = f", {verdict.way}" if verdict.way else ""
    return words.line(f"{verdict.decision.upper()} — {before} to {after}{way}: {_why(verdict)}")


def _why(verdict: UpgradeVerdict) -> str:
    causes = verdict.causes
    if not causes:
        checks, compared = len(verdict.checks), len(verdict.compared)
        untried = len(verdict.not_tried)
        rest = f" {words.plural(untried, 'thing')} not tried." if untried else ""
        return (
            f"{words.plural(checks, 'check')} of the upgrade passed, and none of "
            f"{compared} is worse on {verdict.sides[1]}.{rest}"
        )
    first, *others = causes
    also = f" And {words.plural(len(others), 'more reason')} below." if others else ""
    one, more, _ = first.reason.partition("; ")
    reason = f"{one.rstrip('.')}, and more" if more else one.rstrip(".")
    return f"{words.cut(f'{about(first)}: {reason}', _LONGEST)}.{also}"


def told(cause: Cause) -> str:
    """A cause in one line, without its full stop."""
    return words.cut(f"{about(cause)}: {cause.reason.rstrip('.')}", _LONGEST)


def about(cause: Cause) -> str:
    """What a cause is about, for people: ``Traces (UPG-1.traces)``."""
    area = _area(cause.about)
    return cause.about if area == _OTHERS else f"{area} ({cause.about})"


def terminal(verdict: UpgradeVerdict) -> str:
    """What a terminal shows: the one line, then everything that speaks against the upgrade."""
    lines = [headline(verdict)]
    lines += [f"  {c.decision:9}  {told(c)}" for c in verdict.causes]
    lines += [f"  not tried  {words.cut(each, _LONGEST)}" for each in verdict.not_tried]
    return "\n".join(map(words.plain, lines))
