# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance profile validate` and `mlflow-conformance profile schema`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.core.errors import Unusable

profile = typer.Typer(
    help="Find what is wrong in a profile, and help editors to write one.",
    rich_markup_mode=None,
)


@profile.command()
def validate(
    file: Annotated[str, typer.Argument(help="The path of a YAML file, or a profile's name.")],
) -> None:
    """Say everything that is wrong in a profile, one line each; exit code 3 if anything is."""
    from mlflow_conformance.run.known import examined, idle_bounds

    document = examined(file, catalogue.read(assets.asset("suites")))
    for fault in sorted(document.faults, key=lambda fault: fault.line):
        typer.echo(fault.line_of(document.path))
    if document.model is None:
        raise typer.Exit(3)
    for line in idle_bounds(document.model):
        typer.echo(f"{document.path}: {line}")
    expected = len(document.model.checks)
    typer.echo(f"{document.path} is a profile that expects {expected} checks; nothing is wrong.")


@profile.command()
def show(
    file: Annotated[str, typer.Argument(help="The path of a YAML file, or a profile's name.")],
) -> None:
    """Print a profile with all that it takes over, as it would be written without a base."""
    from mlflow_conformance.config.yaml_text import written
    from mlflow_conformance.run.known import promised

    loaded = promised(file, catalogue.read(assets.asset("suites")))
    document = loaded.profile.model_dump(mode="json", by_alias=True, exclude_unset=True)
    taken_over = {k: v for k, v in document.items() if k not in ("extends", "without")}
    typer.echo(written(taken_over), nl=False)


@profile.command()
def measure(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of healthy runs of one profile, or their logs.")
    ],
    file: Annotated[
        str | None,
        typer.Option("--profile", help="Its name or path; default: as the runs name it."),
    ] = None,
) -> None:
    """Keep what healthy runs measured beside the profile's bounds, in `measured/`, and say which
    bounds are looser than twice the worst of it; exit code 1 when one of them gives no reason.
    """
    from mlflow_conformance.evidence import measured
    from mlflow_conformance.evidence.recorded import recorded
    from mlflow_conformance.run.known import promised

    verdicts = [recorded(run) for run in runs]
    values = measured.measured(verdicts)
    name = file or verdicts[0].run.profile
    loaded = promised(name, catalogue.read(assets.asset("suites")))
    if loaded.profile.name != verdicts[0].run.profile:
        raise Unusable(
            f"The runs are of the profile {verdicts[0].run.profile}, and {loaded.path} is "
            f"{loaded.profile.name}",
            remedy="Measure runs of that profile, or name the other one with --profile",
        )
    path = measured.path_of(loaded.path)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(measured.written(values, loaded.profile.name), encoding="utf-8")
    except OSError as problem:
        raise Unusable(
            f"{path} cannot be written: {problem.strerror}", remedy="Make its folder writable"
        ) from problem
    found = measured.loose(values, loaded.profile.checks)
    for bound in found:
        typer.echo(f"{bound}; {bound.reason or 'NO REASON'}")
    typer.echo(f"written: {path}")
    if not all(bound.reason for bound in found):
        raise typer.Exit(1)


@profile.command()
def schema() -> None:
    """Print a JSON Schema of profiles, with the thresholds of each check by name."""
    from mlflow_conformance.config import profile_schema
    from mlflow_conformance.run.known import thresholds

    known = catalogue.read(assets.asset("suites"))
    typer.echo(json.dumps(profile_schema.schema(known, thresholds()), indent=2))
