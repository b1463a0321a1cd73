# SPDX-License-Identifier: Apache-2.0
"""summary.md for a CI page: the headline, a table, and the details of all that did not pass."""

import html
import re
from collections.abc import Iterable, Iterator

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.evidence.describing import describe
from mlflow_conformance.evidence.model import Base
from mlflow_conformance.evidence.score import score, times
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict
from mlflow_conformance.report import mutant_words, words

MARKS = {Verdict.FAIL: "❌", Verdict.UNKNOWN: "❔", Verdict.WAIVED: "🏳️", Verdict.PASS: "✅"}
_ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED)
_ACTIVE = re.compile(r"([\\`*_\[\]|~$]|:(?=//|\w)|(?<=www)\.)")
_ID = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_TEXT, _DETAIL = 300, 2000  # characters of a cell and of a detail; CI pages cut off at 1 MiB


def render(run: RunVerdict) -> str:
    """GitHub-flavoured Markdown; nothing of the evidence can act as markup, link or mention."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: RunVerdict) -> Iterator[str]:
    counts = ", ".join(f"{run.count(v)} {v}" for v in (*_ORDER, Verdict.PASS) if run.count(v))
    yield f"## {MARKS[run.verdict]} {safe(words.headline(run), _DETAIL)}"
    yield ""
    facts = [
        *([counts] if counts else []),
        f"profile {safe(run.run.profile)}",
        words.duration(words.total_seconds(run)),
        f"seed {run.run.seed}",
        f"run {safe(run.run.run_id)}",
    ]
    yield " · ".join(facts)
    yield from _failed_steps(run)
    attention = [c for verdict in _ORDER for c in run.checks if c.verdict is verdict]
    if attention:
        yield from table(attention)
        for check in attention:
            yield from details(check)
    passed = [c for c in run.checks if c.verdict is Verdict.PASS]
    if passed:
        yield from ("", f"<details><summary>{words.plural(len(passed), 'check')} passed</summary>")
        yield from table(passed)
        yield from ("", "</details>")
    if run.run.left_out:
        yield from (
            "",
            f"Left out: {safe(words.listed(list(run.run.left_out), most=40), _DETAIL)}",
        )
    if run.run.base:
        yield from _base(run.run.base)
    if run.mutations:
        yield from _mutants(run)
    if run.candidates:
        yield from _candidates(run)


def _base(base: Base) -> Iterator[str]:
    """What the profile leaves out of its base, with its reasons, and what it changes."""
    if base.removed:
        head = f"{words.plural(len(base.removed), 'check')} of {safe(base.name)} left out by the"
        yield from ("", f"<details><summary>{head} profile</summary>", "")
        for check_id, why in base.removed.items():
            yield f"- **{safe(check_id)}:** {safe(why, _DETAIL)}"
        yield from ("", "</details>")
    if base.changed:
        changes = [f"{i} ({', '.join(keys)})" for i, keys in base.changed.items()]
        yield from ("", f"Other than in {safe(base.name)}: {safe('; '.join(changes), _DETAIL)}")


def _failed_steps(run: RunVerdict) -> Iterator[str]:
    for phase in run.phases:
        if phase.outcome == "failed":
            yield from ("", f"**The step {safe(phase.name)} failed:** {safe(phase.detail)}")


def table(checks: Iterable[Judged]) -> Iterator[str]:
    """A table of checks."""
    yield from ("", "| ID | Verdict | What | Reason | Time |", "|---|---|---|---|---:|")
    for check in checks:
        time = words.duration(check.check.duration_s) if check.check else ""
        cells = (
            safe(check.id),
            f"{MARKS[check.verdict]} {check.verdict}",
            safe(words.title(check)),
            safe(check.reason),
            time,
        )
        yield f"| {' | '.join(cells)} |"


def details(judged: Judged) -> Iterator[str]:
    """All that is known of a check that did not pass."""
    record = judged.check
    if record is None:
        return
    yield from ("", f"### {safe(judged.id)} {safe(record.title)}", "")
    yield f"- **Promised:** {safe(judged.promise, _DETAIL)}"
    for observation in judged.failed_observations[:10]:
        source = f" (source: {safe(observation.bound.source)})" if observation.bound else ""
        name = f" {_code(observation.id)}" if observation.id else ""
        yield f"- **Observed:**{name} {safe(describe(observation), _DETAIL)}{source}"
    if len(judged.failed_observations) > 10:
        yield f"- … and {len(judged.failed_observations) - 10} more in evidence.jsonl"
    if judged.verdict is not Verdict.FAIL:
        yield f"- **Reason:** {safe(judged.reason, _DETAIL)}"
    for what, text in words.what_now(judged):
        yield f"- **{what}:** {safe(text, _DETAIL)}"
    if record.diagnostics:
        yield f"- **Diagnostics:** {safe(record.diagnostics)}"


def _mutants(run: RunVerdict) -> Iterator[str]:
    found = score(run)
    yield from ("", f"### Mutation score: {found.killed} of {found.mutants} killed", "")
    yield words.score(found)
    yield from (
        "",
        safe(mutant_words.times(times(run)), _DETAIL),
        "",
        safe(mutant_words.codes(run), _DETAIL),
    )
    yield from (
        "",
        "| Mutant | Breaks | Check | Verdicts | Because | Outcome |",
        "|---|---|---|---|---|---|",
    )
    for m in run.mutations:
        alive = m in run.survivors
        cells = (
            *map(safe, (m.mutant, m.breaks, m.check, f"{m.healthy} → {m.mutated}")),
            ", ".join(map(_code, m.because)),
            ("❌ " if alive else "") + safe(words.fate(m, alive=alive)),
        )
        yield f"| {' | '.join(cells)} |"
    if found.shown < found.observations:
        yield from ("", "| Check | Not shown to be able to break |", "|---|---|")
        for check in found.checks:
            if check.unshown:
                yield f"| {safe(check.check)} | {', '.join(map(_code, check.unshown))} |"


def _candidates(run: RunVerdict) -> Iterator[str]:
    yield from ("", "### Generated changes of the deployment", "", words.candidates(run))
    yield from ("", "| Change | Outcome | Time |", "|---|---|---:|")
    unnoticed = {c.name for c in run.unnoticed}
    for c in sorted(run.candidates, key=lambda c: c.name not in unnoticed):
        told = ("❌ " if c.name in unnoticed else "") + safe(words.candidate_fate(c), _DETAIL)
        yield f"| {safe(c.breaks, _DETAIL)} | {told} | {words.duration(c.duration_s)} |"


def _code(observation_id: str) -> str:
    """An ID in code font. Its pattern leaves nothing that could end it; what has none is text."""
    return f"`{observation_id}`" if _ID.fullmatch(observation_id) else safe(observation_id)


def safe(text: str, limit: int = _TEXT) -> str:
    """Text of the evidence in one line, in which nothing acts as markup, link or mention."""
    # GitHub looks for mentions after Markdown, where an escape is gone; a word joiner stays.
    flat = brief(words.line(text), limit).replace("@", "@\N{WORD JOINER}")
    return html.escape(_ACTIVE.sub(r"\\\1", flat), quote=False)
