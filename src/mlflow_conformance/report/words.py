# SPDX-License-Identifier: Apache-2.0
"""The words that every report shares: the headline, families, times, text made safe to show."""

import json
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.core.brevity import cut
from mlflow_conformance.evidence.model import CandidateSeen, Mutation, RunStarted
from mlflow_conformance.evidence.score import Score
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict, noticed

FAMILIES = {
    "TRK": "Tracking",
    "REG": "Registry",
    "ART": "Artifacts",
    "NET": "Network policy",
    "SEC": "Security",
    "BKP": "Backup and restore",
    "HPA": "Autoscaling",
    "DIS": "Disruption",
    "LAT": "Latency and SLA",
    "UPG": "Upgrade",
    "OBS": "Observability",
    "OPS": "Operations",
    "INT": "Integrations",
}

_OF_THIS_RUN = ("--check", "--output", "--seed")

# Tab, line feed and carriage return are the only control characters that text may hold.
_CONTROLS = {c: "\N{REPLACEMENT CHARACTER}" for c in range(0xA0) if c < 0x20 or c >= 0x7F}
for _kept in "\t\n\r":
    del _CONTROLS[ord(_kept)]


def plain(text: str) -> str:
    """`text` without what a terminal, an XML parser or a reader's eye could be misled by.

    Control characters (terminal escapes), lone surrogates, non-characters and marks that turn
    the direction of writing become U+FFFD.
    """
    text = text.translate(_CONTROLS)
    if text.isascii():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _misleads(c) else c for c in text)


def _misleads(character: str) -> bool:
    # Cf holds the joiners that emoji and several scripts need; only direction marks mislead.
    code = ord(character)
    return (
        unicodedata.category(character) == "Cs"
        or unicodedata.bidirectional(character)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or code & 0xFFFE == 0xFFFE
    )


def line(text: str) -> str:
    """`text` in one line, made safe by `plain`."""
    return " ".join(plain(text).split())


def shown(value: JsonValue) -> str:
    """A JSON value as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def duration(seconds: float) -> str:
    """A time span for a person: ``0.03 s``, ``2.3 s``, ``4 min 12 s``, ``1 h 05 min``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def plural(count: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def total_seconds(run: RunVerdict) -> float:
    """From the start of the run to its end, or to the last thing recorded if it has none."""
    if run.end is not None:
        return max(0.0, (run.end.ended - run.run.started).total_seconds())
    records = [c.check for c in run.checks if c.check]
    spans = [(p.started, p.duration_s) for p in run.phases]
    spans += [(r.started, r.duration_s) for r in records]
    ends = [(at - run.run.started).total_seconds() + seconds for at, seconds in spans]
    return max([0.0, *ends])


def headline(run: RunVerdict, *, whole: bool = True) -> str:
    """The one sentence a person needs first, for example
    ``FAIL — 2 of 18 checks failed: NET-1, DIS-1. Do not ship.``

    Args:
        whole: false for a page about a part of a run, whose pass does not say that all is well.
    """
    sentences = [s for s in (_cut_short(run), _checks(run), _mutants(run), candidates(run)) if s]
    if whole:
        sentences += [s for s in (_not_run(run), _less(run)) if s]
    advice = {
        Verdict.PASS: _good(run) if whole else "",
        Verdict.WAIVED: "Ship only if you accept the waivers.",
        Verdict.UNKNOWN: "Not proven: do not ship on this evidence.",
        Verdict.FAIL: "Do not ship.",
    }[run.verdict]
    told = " ".join(s for s in (*sentences, advice) if s)
    return line(f"{run.verdict.upper()} — {told[:1].lower()}{told[1:]}")


def _good(run: RunVerdict) -> str:
    if not run.checks:
        return ""
    return "Good to ship as far as they go." if _not_run(run) or _less(run) else "Good to ship."


def _not_run(run: RunVerdict) -> str:
    """How many checks of the profile were not asked for, or not allowed."""
    count = len(run.not_run)
    of = f"{count} of the profile's {plural(run.promised, 'check')}"
    return f"{of} {'was' if count == 1 else 'were'} not run." if count and run.checks else ""


def _less(run: RunVerdict) -> str:
    """How much less than its base the profile asks for; what it changes may be more or less."""
    base = run.run.base
    if base is None or not (base.removed or base.changed):
        return ""
    name = cut(base.name, 40)
    left_out = f"{plural(len(base.removed), 'check')} left out" if base.removed else ""
    changed = f"{len(base.changed)} changed" if base.changed else ""
    what = ", ".join(part for part in (left_out, changed) if part)
    if not base.removed:
        return f"The profile changes {plural(len(base.changed), 'row')} of its base {name}."
    return f"The profile asks for less than its base {name}: {what}."


def _checks(run: RunVerdict) -> str:
    by = {v: [c.id for c in run.checks if c.verdict is v] for v in Verdict}
    total = len(run.checks)
    failed, unknown, waived = by[Verdict.FAIL], by[Verdict.UNKNOWN], by[Verdict.WAIVED]
    if not total:
        other = run.mutations or run.candidates
        return "" if other else "No check was expected and none reported."
    if failed:
        also = f"; {len(unknown)} more could not be decided" if unknown else ""
        return f"{len(failed)} of {plural(total, 'check')} failed: {listed(failed)}{also}."
    if unknown:
        what = "could not be decided"
        return f"{len(unknown)} of {plural(total, 'check')} {what}: {listed(unknown)}."
    if waived:
        passed = total - len(waived)
        return (
            f"{passed} of {plural(total, 'check')} passed, {len(waived)} waived: {listed(waived)}."
        )
    return "The only check passed." if total == 1 else f"All {total} checks passed."


def _mutants(run: RunVerdict) -> str:
    total = len(run.mutations)
    survivors = [m.mutant for m in run.survivors]
    if survivors:
        return f"{len(survivors)} of {plural(total, 'mutant')} survived: {listed(survivors)}."
    if total == 0 or run.checks:
        return ""
    return "The only mutant was killed." if total == 1 else f"All {total} mutants were killed."


def candidates(run: RunVerdict) -> str:
    """How many single changes of the deployment were noticed, in one sentence; empty for none."""
    taken = run.taken
    if not run.candidates:
        return ""
    left = len(run.unnoticed)
    seen = sum(bool(noticed(c)) for c in taken)
    share = f" ({100 * seen // len(taken)} %)" if taken else ""
    told = f"{seen} of {plural(len(taken), 'generated change')} noticed{share}"
    harmless = len(taken) - seen - left
    told += f", {harmless} judged harmless" if harmless else ""
    told += f", {left} unnoticed" if left else ""
    other = Counter[str](c.fate for c in run.candidates)
    reasons = {"refused": "refused", "absent": "about what is not there", "same": "no change"}
    others = [f"{other[fate]} {what}" for fate, what in reasons.items() if other[fate]]
    return f"{told}; not tried: {', '.join(others)}." if others else f"{told}."


def candidate_fate(candidate: CandidateSeen) -> str:
    """How a candidate ended: who noticed it and by what, or why nobody did or need."""
    if by := noticed(candidate):
        return line("; ".join(f"{i} {', '.join(candidate.checks[i].broke)}" for i in by))
    undecided = [i for i, seen in candidate.checks.items() if seen.changed == Verdict.UNKNOWN]
    if candidate.fate != "tried":
        return line(f"{candidate.fate}: {candidate.detail}")
    if candidate.harmless:
        return line(f"harmless: {candidate.harmless}")
    also = f" ({', '.join(undecided)} unknown)" if undecided else ""
    return line(f"UNNOTICED{also}")


def fate(mutation: Mutation, *, alive: bool) -> str:
    """How a mutant ended: ``killed``, or ``SURVIVED`` and what broke in place of what should."""
    if not alive:
        return "killed"
    instead = ", ".join(i or "one without an ID" for i in mutation.broke)
    return line(f"SURVIVED: {instead} broke") if instead else "SURVIVED"


def score(found: Score) -> str:
    """The mutation score in one sentence."""
    killed = f"{found.killed} of {plural(found.mutants, 'mutant')} killed"
    bounded = f"{plural(found.observations, 'observation')} with a bound"
    shown = f"{found.shown} shown to be able to break"
    return (
        f"Mutation score: {killed}; of {bounded} in {plural(len(found.checks), 'check')}, {shown}."
    )


def _cut_short(run: RunVerdict) -> str:
    if run.end is None:
        return "The run was cut short."
    if run.end.interrupted:
        return f"The run was interrupted: {cut(run.end.interrupted.rstrip('.'), 80)}."
    return ""


def alone(run: RunStarted, check_id: str) -> str:
    """The command that runs one check of a run again: the same target, tier and random choices."""
    words, kept = iter(run.command), []
    for word in words:
        option, given, _ = word.partition("=")
        if option not in _OF_THIS_RUN:
            kept.append(word)
        elif not given:
            next(words, None)
    return shlex.join([*kept, "--check", check_id, "--seed", str(run.seed)])


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names with commas; beyond `most` of them only how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(cut(n, 60) for n in names[:most]) + more


def by_family(checks: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Checks under their family, in the order in which the families first appear."""
    families: dict[str, list[Judged]] = {}
    for check in checks:
        families.setdefault(prefix_of(check.id), []).append(check)
    return families


def title(check: Judged) -> str:
    """What a check is about: its title, or its promise when it never reported."""
    return check.check.title if check.check else check.promise


_UNDECIDED = (
    "Mend what the reason says, and run the check again: nothing was shown to be wrong with the "
    "deployment, and not that all is well."
)


def what_now(check: Judged) -> list[tuple[str, str]]:
    """What a record that does not pass means and asks for, by what each part is called.

    A check's impact and remedy are those of a fail. One that could not observe has shown neither.
    """
    record = check.check
    if record is None:
        return []
    if check.raw is Verdict.UNKNOWN:
        return [
            ("What to do", _UNDECIDED),
            ("If it fails then", f"{record.impact} {record.remedy}"),
        ]
    return [("Impact", record.impact), ("What to do", record.remedy)]
