# SPDX-License-Identifier: Apache-2.0
"""What every page of an upgrade says in the same words: the one line first, areas, and times."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.core.brevity import cut
from mlflow_conformance.evidence.upgrade import Cause, Decision, UpgradeVerdict
from mlflow_conformance.evidence.verdict import Judged, Verdict
from mlflow_conformance.report import words

LONGEST = 120
"""Characters that the one sentence has at most."""
_LONGEST_SIDE = 24
_LONGEST_CAUSE = 240
_TELLING = 40
"""Characters in which an impact still tells a person something."""
_CLAUSES = re.compile(r", (?=(?:and|but|or|so|since|until|which|while) )|[:;] ")

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
    """The one sentence a person needs first, of at most `LONGEST` characters, for example
    ``NO-GO — 3.16.1 to 3.17.2: Programs that call MLflow's API fail; and 2 more reasons.``

    It says what the first cause does to people: where there is no room for all of it, as far as
    there is, and what failed where there is next to none. What was seen is told below it, by every
    page.
    """
    before, after = (cut(words.line(side), _LONGEST_SIDE) for side in verdict.sides)
    way = f", {verdict.way}" if verdict.way else ""
    lead = f"{verdict.decision.upper()} — {before} to {after}{way}: "
    told = [words.line(lead + why) for why in _whys(verdict, LONGEST - len(lead))]
    return next((t for t in told if len(t) <= LONGEST), cut(told[-1], LONGEST))


def _whys(verdict: UpgradeVerdict, room: int) -> Iterator[str]:
    """Why it is decided so, the best sentence first; one is cut to so many characters."""
    causes = verdict.causes
    if not causes:
        checks = words.plural(len(verdict.checks), "check")
        untried = len(verdict.not_tried)
        rest = f"; {words.plural(untried, 'thing')} not tried" if untried else ""
        compared = f"none of {len(verdict.compared)} is worse on the version after"
        yield f"{checks} passed, and {compared}{rest}."
        return
    first, *others = causes
    more = f"; and {words.plural(len(others), 'more reason')}" if others else ""
    if first.decision is Decision.UNDECIDED:
        yield f"{about(first)} could not be judged{more}."
        return
    if impact := first.impact.rstrip("."):
        ways = (impact, *_beginnings(impact))
        yield from (_sentence(each + more) for each in ways)
        # How many more there are is told below as well.
        yield from map(_sentence, ways)
        if (left := room - len(more) - 1) >= _TELLING:
            yield _sentence(_words(impact, left) + more)
    yield f"{about(first)} failed{more}."


def _beginnings(impact: str) -> Iterator[str]:
    """What something does to people, without its last clauses, the longest first."""
    ends = [end.start() for end in _CLAUSES.finditer(impact) if end.start() >= len(impact) // 3]
    yield from (f"{impact[:end]} …" for end in reversed(ends))


def _words(impact: str, most: int) -> str:
    return f"{cut(impact, most - 1).rpartition(' ')[0]} …" if " " in impact[:most] else impact


def _sentence(told: str) -> str:
    return told if told.endswith("…") else f"{told}."


def told(cause: Cause) -> str:
    """A cause in one line, without its full stop."""
    return cut(f"{about(cause)}: {cause.reason.rstrip('.')}", _LONGEST_CAUSE)


def about(cause: Cause) -> str:
    """What a cause is about, for people: ``Traces (UPG-1.traces)``."""
    area = _area(cause.about)
    return cause.about if area == _OTHERS else f"{area} ({cause.about})"


def terminal(verdict: UpgradeVerdict) -> str:
    """What a terminal shows: the one line, then everything that speaks against the upgrade."""
    lines = [headline(verdict)]
    lines += [f"  {c.decision:9}  {told(c)}" for c in verdict.causes]
    lines += [f"  not tried  {cut(each, _LONGEST_CAUSE)}" for each in verdict.not_tried]
    return "\n".join(map(words.plain, lines))
