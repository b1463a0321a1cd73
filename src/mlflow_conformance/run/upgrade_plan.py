# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance upgrade --plan`: an existing cluster is read, and not changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import BaseModel, ConfigDict

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.kubeconfig import kubeconfig_of
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.tiers import UPGRADE
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.report import words
from mlflow_conformance.report.files import replace
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.upgrading import refuse_pair
from mlflow_conformance.stand import images
from mlflow_conformance.stand.revision import Revision
from mlflow_conformance.stand.versions import MlflowVersion
from mlflow_conformance.target.attached import require_namespace
from mlflow_conformance.upgrade.preview import Found, PlannedStep, found, steps

FILE = "plan.json"
_LARGEST = 8
"""Tables that are told of those that no migration touches."""


@dataclass(frozen=True)
class PlanWanted:
    """What the command line says."""

    before: str | None
    after: str | None
    context: str | None
    namespace: str | None
    kubeconfig: Path | None
    output: Path | None


class Plan(BaseModel):
    """What was found, and what the upgrade would do there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context: str
    namespace: str
    found: Found
    to: str
    steps: list[PlannedStep]
    checks: dict[str, str]


def refuse_others(*, keep: bool, reuse: bool, others: tuple[object, ...]) -> None:
    """Make sure that nothing is given that only the upgrade itself takes.

    Raises:
        Unusable: something is.
    """
    if keep or reuse or any(other is not None for other in others):
        raise Unusable(
            "--plan only reads an existing cluster, and takes nothing that an upgrade does with it",
            remedy="Give --context, --to, and if need be --from, --namespace, --kubeconfig, "
            "--profile and --output",
        )


def run(wanted: PlanWanted, *, profile: str) -> int:
    """Say what an upgrade would do; 0 when that is known.

    Raises:
        Unusable: the cluster cannot be read, or there is no way from what it has to that version.
    """
    if wanted.context is None or wanted.after is None:
        raise Unusable(
            "--plan needs the cluster and the version after", remedy="Add --context and --to"
        )
    after = MlflowVersion.parse(wanted.after)
    loaded = promised(profile, catalogue.read(assets.asset("suites")))
    names = loaded.profile.names
    config = kubeconfig_of(wanted.kubeconfig, wanted.context)
    kube = Kube(config, wanted.context, wanted.namespace or names.namespace)
    require_namespace(kube)
    there = found(kube, names.mlflow)
    if wanted.before is not None and wanted.before != there.version:
        raise Unusable(
            f"The cluster of {wanted.context!r} has MLflow {there.version}, and not "
            f"{wanted.before}",
            remedy="Leave --from out, or name another --context",
        )
    refuse_pair(Revision("version", there.version), Revision("version", str(after)))
    known = steps(images.mlflow_package(str(after), tell), there.revision)
    if known is None:
        raise Unusable(
            f"MLflow {after} does not know the schema {there.revision} of this database",
            remedy="Name a version that is newer than the one that made it",
        )
    rows = loaded.rows(UPGRADE)
    plan = Plan(
        context=wanted.context,
        namespace=kube.namespace,
        found=there,
        to=str(after),
        steps=known,
        checks={check_id: row.promise for check_id, row in rows.items()},
    )
    typer.echo("\n".join(map(words.plain, told(plan))))
    if wanted.output is not None:
        wanted.output.mkdir(parents=True, exist_ok=True)
        replace(wanted.output / FILE, plan.model_dump_json(indent=2) + "\n")
        typer.echo(f"plan:     {wanted.output / FILE}")
    return 0


def told(plan: Plan) -> Iterator[str]:
    """The plan for a terminal."""
    there = plan.found
    yield (
        f"MLflow {there.version} in {plan.namespace} of {plan.context}, schema {there.revision}, "
        f"database {_size(there.bytes)}. Nothing was changed."
    )
    if not plan.steps:
        yield f"MLflow {plan.to} has the same schema: no migration would run."
    else:
        count = words.plural(len(plan.steps), "migration")
        yield f"To {plan.to}: {count}, in one transaction that keeps every lock to its end:"
    for step in plan.steps:
        yield f"  {step.revision}  {step.title}"
        for table, lock in step.locks.items():
            work = "".join(f", {each}" for each in step.work.get(table, ()))
            yield f"      {table}{_rows(there, table)}: {lock}{work}"
        if step.moves_rows:
            yield "      reads or writes rows by statements of its own"
        if step.perhaps:
            names = ", ".join(f"{t}{_rows(there, t)}" for t in step.perhaps)
            yield f"      may touch: {names}"
    touched = {t for step in plan.steps for t in (*step.locks, *step.perhaps)}
    others = sorted(
        (t for t in there.tables if t not in touched), key=lambda t: -there.tables[t].bytes
    )
    if others:
        largest = ", ".join(f"{t}{_rows(there, t)}" for t in others[:_LARGEST])
        yield f"Not touched, the largest: {largest}"
    yield (
        f"`mlflow-conformance upgrade --from {there.version} --to {plan.to}` tries it on a cluster "
        "of its own:"
    )
    for check_id, promise in plan.checks.items():
        yield f"  {check_id:16}  {promise}"


def _rows(there: Found, table: str) -> str:
    """How much a table holds, where that is known."""
    if (about := there.tables.get(table)) is None:
        return ""
    count = "" if about.rows is None else f"about {about.rows} rows, "
    return f" ({count}{_size(about.bytes)})"


def _size(count: int) -> str:
    """Bytes for a person."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
