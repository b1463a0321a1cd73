# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance init`: a look at a deployment, and the profile of it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster.bundle import read, with_secrets
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import rows_of_base
from mlflow_conformance.core.credentials import Hiding
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.run.known import examined
from mlflow_conformance.survey.found import Survey
from mlflow_conformance.survey.looking import look, secrets_wanted
from mlflow_conformance.survey.writing import profile_text, together, without_of
from mlflow_conformance.target.attached import require_namespace


@dataclass(frozen=True)
class Described:
    """A profile that was written.

    Attributes:
        without: why checks of the base are left out, by ID or family.
        faults: what is wrong in it, one line each; none, unless a deployment has a form that was
            not thought of.
    """

    path: Path
    text: str
    found: Survey
    without: Mapping[str, str]
    faults: list[str]


def describe(kube: Kube, wanted: str | None, path: Path) -> Described:
    """Look at a namespace, read-only, and write the profile of the MLflow in it.

    Args:
        wanted: the server's workload, as ``deployment/NAME`` or ``NAME``, where there are several.
        path: of a file that does not exist yet.

    Raises:
        Unusable: the cluster or the namespace cannot be read, there is no server of MLflow in it,
            or the file cannot be written.
    """
    if path.exists():
        raise Unusable(f"{path} exists", remedy="Name another file with --output, or remove it")
    require_namespace(kube)
    try:
        bundle = read(kube)
        bundle = with_secrets(bundle, kube, secrets_wanted(bundle, wanted))
    except KubeFailed as problem:
        raise Unusable(
            f"The namespace {kube.namespace} cannot be read: {problem}",
            remedy="Check that the cluster is up, and that this context may list what is there",
        ) from problem
    found, base = look(bundle, wanted)
    known = catalogue.read(assets.asset("suites"))
    name = str(found.names["mlflow"]["deployment"])
    rows = rows_of_base(base)
    fixtures = {check_id: info.fixtures for check_id, info in known.items()}
    title = name if name == kube.namespace else f"{kube.namespace}-{name}"
    text = Hiding().line(profile_text(title, base, found, rows, fixtures))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Unusable(
            f"{path} cannot be written: {problem.strerror}",
            remedy="Name a file in a folder that exists and may be written to, with --output",
        ) from problem
    document = examined(os.fspath(path), known)
    without = without_of(found, rows, fixtures)
    faults = [fault.line_of(path) for fault in document.faults]
    return Described(path, text, found, without, faults)


def told(described: Described, context: str, namespace: str) -> Iterator[str]:
    """What a person is told of it, line by line."""
    found = described.found
    width = min(56, max(len(d.what) for d in found.decisions))
    yield f"What is in the namespace {namespace} of {context}, and from what it was told:"
    for decision in found.decisions:
        yield Hiding().line(f"  {decision.what.ljust(width)}  {decision.because}")
    if described.without:
        yield "Left out by name, with the reason in the report:"
        for names, reason in together(described.without):
            yield f"  {', '.join(names)}: {reason}"
    if found.warnings:
        yield "To see to first:"
        yield from (f"  {warning}" for warning in found.warnings)
    if found.gaps:
        yield "To fill in, where the file has a comment:"
        yield from (f"  names.{gap.key}: {gap.why}" for gap in found.gaps)
    if described.faults:
        yield "The profile is not whole yet:"
        yield from (f"  {fault}" for fault in described.faults)
    yield f"{described.path}: {len(described.text.splitlines())} lines. Next:"
    where = described.path if described.path.is_absolute() else f"./{described.path}"
    yield f"  mlflow-conformance gate --profile {where} --context {context} --namespace {namespace}"
