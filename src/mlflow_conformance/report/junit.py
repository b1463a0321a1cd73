# SPDX-License-Identifier: Apache-2.0
"""junit.xml for the readers of Jenkins, GitLab and GitHub.

They know three ways not to pass, and each verdict has one: fail is a ``failure``, unknown is an
``error``, waived is ``skipped`` with the waiver as its message.
"""

from collections.abc import Sequence
from datetime import UTC
from xml.etree import ElementTree as ET

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.evidence.describing import describe
from mlflow_conformance.evidence.model import CheckFinished, Observation
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict
from mlflow_conformance.report import words

_TAGS = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error", Verdict.WAIVED: "skipped"}


def render(run: RunVerdict) -> str:
    """The XML document. Test cases are named by check ID in a class named by family."""
    name = f"mlflow-conformance {run.run.profile}"
    return document([suite(run, name)], name, words.total_seconds(run))


def suite(run: RunVerdict, name: str) -> ET.Element:
    """One run as a suite of tests."""
    made = ET.Element("testsuite")
    properties = ET.SubElement(made, "properties")
    for key, value in (
        ("profile", run.run.profile),
        ("profile_sha256", run.run.profile_sha256),
        ("seed", str(run.run.seed)),
        ("run_id", run.run.run_id),
        ("tool_version", run.run.tool_version),
        ("verdict", run.verdict),
        ("headline", words.headline(run)),
    ):
        ET.SubElement(properties, "property", name=key, value=words.plain(value))
    for check in run.checks:
        _check(made, check)
    for mutation in run.mutations:
        case = case_of(made, "mutants", mutation.mutant, mutation.duration_s)
        if mutation in run.survivors:
            message = f"{mutation.check} did not notice: {mutation.breaks}"
            detail = (
                f"healthy: {mutation.healthy}\nmutated: {mutation.mutated}\n"
                f"because: {', '.join(mutation.because)}\nbroke: {', '.join(mutation.broke)}\n"
                f"{mutation.detail}"
            )
            outcome(case, "failure", "survived", message, detail)
    if run.verdict is not Verdict.PASS and not _tells(run):
        # Readers look at test cases alone: a run cut short must not look like one that passed.
        case = case_of(made, "run", "complete", 0)
        outcome(case, "error", "unknown", words.headline(run), "")
    for key, value in totals([made], name, words.total_seconds(run)).items():
        made.set(key, value)
    made.set("timestamp", f"{run.run.started.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")
    return made


def document(suites: Sequence[ET.Element], name: str, seconds: float) -> str:
    """The XML document of some suites."""
    root = ET.Element("testsuites", totals(suites, name, seconds))
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def totals(suites: Sequence[ET.Element], name: str, seconds: float) -> dict[str, str]:
    """The attributes that readers want of suites: how many cases there are of which outcome."""

    def count(what: str) -> str:
        return str(sum(len(s.findall(what)) for s in suites))

    found = {
        "name": name,
        "tests": count("testcase"),
        "failures": count("testcase/failure"),
        "errors": count("testcase/error"),
        "skipped": count("testcase/skipped"),
        "time": f"{seconds:.3f}",
    }
    return {k: words.plain(v) for k, v in found.items()}


def _tells(run: RunVerdict) -> bool:
    """Whether the test cases of checks and mutants already say that the run did not pass."""
    if run.end is None or run.end.interrupted:
        return False
    return bool(run.survivors) or any(c.verdict is not Verdict.PASS for c in run.checks)


def _check(suite: ET.Element, judged: Judged) -> None:
    record = judged.check
    case = case_of(suite, prefix_of(judged.id), judged.id, record.duration_s if record else 0)
    if judged.verdict is not Verdict.PASS:
        detail = _detail(judged, record) if record else f"Promised: {judged.promise}"
        outcome(case, _TAGS[judged.verdict], judged.raw, judged.reason, detail)
    if record and record.observations:
        lines = [_named(o) for o in record.observations]
        ET.SubElement(case, "system-out").text = words.plain("\n".join(lines))


def _detail(judged: Judged, record: CheckFinished) -> str:
    lines = [
        record.title,
        f"Promised: {judged.promise}",
        *(f"Observed: {_named(o)}" for o in judged.failed_observations),
        *(f"{what}: {text}" for what, text in words.what_now(judged)),
        *([f"Diagnostics: {record.diagnostics}"] if record.diagnostics else []),
        *([f"\n{record.error}"] if record.error else []),
    ]
    return "\n".join(lines)


def _named(observation: Observation) -> str:
    """An observation's sentence, with its ID where it has one."""
    told = describe(observation)
    return f"[{observation.id}] {told}" if observation.id else told


def case_of(suite: ET.Element, classname: str, name: str, seconds: float) -> ET.Element:
    """A new case of a suite."""
    return ET.SubElement(
        suite,
        "testcase",
        classname=words.line(classname),
        name=words.line(name),
        time=f"{seconds:.3f}",
    )


def outcome(case: ET.Element, tag: str, kind: str, message: str, detail: str) -> None:
    """Say of a case that it did not pass."""
    element = ET.SubElement(case, tag, type=kind, message=words.line(message))
    element.text = words.plain(detail)
