# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance`.

Exit codes: 0 all pass or waived, 1 a fail, 2 no fail but an unknown, 3 wrong usage or no usable
cluster.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer

from mlflow_conformance import __version__
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import Tier
from mlflow_conformance.core.errors import SPEAKER, Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.core.signals import ending_once
from mlflow_conformance.mutants import mutant as mutation

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Conformance and chaos suite for MLflow on Kubernetes.",
)

ProfileOption = Annotated[str, typer.Option(help="A profile's name, or the path of a YAML file.")]
OutputOption = Annotated[
    Path | None, typer.Option(help="Folder for evidence and reports; default results/<run id>.")
]
KeepOption = Annotated[bool, typer.Option("--keep", help="Leave cluster and deployment up.")]
ReuseOption = Annotated[
    bool, typer.Option("--reuse", help="Use what --keep left, and leave it up again.")
]
SeedOption = Annotated[int | None, typer.Option(help="Replay the random choices of a run.")]
ContextOption = Annotated[
    str | None, typer.Option(help="Attach to the cluster of this kubeconfig context.")
]
NamespaceOption = Annotated[str | None, typer.Option(help="Where MLflow is, with --context.")]
KubeconfigOption = Annotated[Path | None, typer.Option(help="With --context.")]
MutantOption = Annotated[
    str | None, typer.Option(help="Break the deployment with this mutant first.")
]
CheckOption = Annotated[
    list[str] | None, typer.Option("--check", help="Only this check; repeatable.")
]


@app.command()
def gate(
    profile: ProfileOption = "k3d",
    tier: Annotated[Tier, typer.Option(help="How much to check.")] = "gate",
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    allow_disruption: Annotated[
        bool, typer.Option("--allow-disruption", help="Also disturb an attached cluster.")
    ] = False,
    check: CheckOption = None,
    mutant: MutantOption = None,
    prepared: Annotated[
        bool,
        typer.Option("--prepared", help="As --reuse, and trust what the run before stood up."),
    ] = False,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Check every promise of a profile, on a kind cluster of our own or an existing one."""
    arguments = ["--profile", profile, "--tier", tier]
    if context is not None:
        arguments += ["--context", context]
    if namespace is not None:
        arguments += ["--namespace", namespace]
    if kubeconfig is not None:
        arguments += ["--target-kubeconfig", str(kubeconfig)]
    if prepared:
        arguments.append("--prepared")
    if mutant is not None:
        arguments += ["--mutant", mutant]
    if allow_disruption:
        arguments.append("--allow-disruption")
    raise typer.Exit(_checks(arguments, check, keep, reuse, output, seed))


@app.command()
def semantics(
    tracking_uri: Annotated[
        list[str], typer.Option(help="A server's URL; several are replicas of one deployment.")
    ],
    profile: ProfileOption = "k3d",
    sql: Annotated[str | None, typer.Option(help="Connection string of its database.")] = None,
    s3_endpoint: Annotated[str, typer.Option()] = "https://s3.amazonaws.com",
    s3_bucket: Annotated[
        str | None, typer.Option(help="Its bucket; keys come from the environment.")
    ] = None,
    s3_prefix: Annotated[str, typer.Option(help="What artifact keys begin with.")] = "",
    check: CheckOption = None,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Check tracking, registry and artifacts of any MLflow by its URL alone."""
    arguments = ["--profile", profile, "--s3-endpoint", s3_endpoint, "--s3-prefix", s3_prefix]
    for uri in tracking_uri:
        arguments += ["--tracking-uri", uri]
    if sql is not None:
        arguments += ["--sql-dsn", sql]
    if s3_bucket is not None:
        arguments += ["--s3-bucket", s3_bucket]
    folders = ("tracking", "registry", "artifacts")
    raise typer.Exit(
        _checks(arguments, check, keep=False, reuse=False, output=output, seed=seed, only=folders)
    )


@app.command()
def sla(
    profile: ProfileOption = "k3d",
    rate: Annotated[
        float | None, typer.Option(help="Arrivals a second; default: as LAT-1 states.")
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--duration", "--for", help="Such as 90s or 10m; default: as LAT-1 states."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(help="A workload's name, or a YAML file; default: as LAT-1.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that send.")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="The folder or latency.json of an earlier run.")
    ] = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="A server's URL, in the place of a cluster.")
    ] = None,
    mutant: MutantOption = None,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Load a deployment through its front door, and report its latency against the promise."""
    from mlflow_conformance.run import sla as sla_run

    raise typer.Exit(
        sla_run.run(
            sla_run.Wanted(rate, duration, workload, workers, compare),
            argparse.Namespace(
                context=context,
                namespace=namespace,
                target_kubeconfig=kubeconfig,
                tracking_uri=[tracking_uri] if tracking_uri is not None else [],
                sql_dsn=None,
                s3_bucket=None,
                s3_endpoint="",
                s3_prefix="",
                allow_disruption=False,
                mutant=mutant,
                keep=keep,
                reuse=reuse,
                prepared=False,
            ),
            profile=profile,
            output=output,
            seed=seed,
        )
    )


@app.command()
def mutants(
    only: Annotated[
        list[str] | None,
        typer.Argument(help="Mutants, checks, or families such as TRK; default: all."),
    ] = None,
    profile: ProfileOption = "k3d",
    tier: Annotated[Tier, typer.Option(help="Which checks.")] = "gate",
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    show: Annotated[bool, typer.Option("--list", help="List them and stop.")] = False,
) -> None:
    """Break the deployment on purpose, and show that the named check notices."""
    known = catalogue.read(assets.asset("suites"))
    found = mutation.read_all(assets.asset("mutants"), known)
    if show:
        for mutant in found.values():
            typer.echo(f"{mutant.name:40} {', '.join(mutant.spec.kills):16} {mutant.spec.breaks}")
        return
    from mlflow_conformance.run import mutants as mutation_run

    raise typer.Exit(
        mutation_run.run(
            mutation_run.chosen(found, only or [], known),
            profile=profile,
            tier=tier,
            keep=keep or reuse,
            reuse=reuse,
            output=output,
        )
    )


@app.command()
def report(
    evidence: Annotated[Path, typer.Argument(help="A run's folder, or its evidence.jsonl.")],
) -> None:
    """Write the reports of a run again, from its evidence alone."""
    from mlflow_conformance.report import write_all
    from mlflow_conformance.report.terminal import render

    verdict = write_all(evidence / "evidence.jsonl" if evidence.is_dir() else evidence)
    typer.echo(render(verdict, width=shutil.get_terminal_size().columns))
    raise typer.Exit(verdict.exit_code)


@app.command()
def checks() -> None:
    """List every check that exists."""
    for info in catalogue.read(assets.asset("suites")).values():
        mark = "!" if info.disruptive else " "
        typer.echo(f"{info.id:16} {mark} {info.title}")
    typer.echo("\n! disturbs the deployment: on an attached cluster only with --allow-disruption")


@app.command()
def host() -> None:
    """Check this machine, and install what is missing (root on Debian) or say what to install."""
    from mlflow_conformance.stand.standing import prepare_host

    prepare_host(tell)
    tell("host: nothing is missing")


@app.command("images")
def build_images() -> None:
    """Build or pull every image and program that a cluster is made of; what is there is kept."""
    from mlflow_conformance.stand import images

    built = images.build_all(tell)
    tell(f"images: all there ({built.node_image})")


@app.command()
def down(
    purge: Annotated[
        bool, typer.Option("--purge", help="Also remove all that was built and cached.")
    ] = False,
) -> None:
    """Remove everything that this program ever made on this machine, and only that."""
    from mlflow_conformance.stand.standing import take_down

    take_down(purge=purge)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _checks(
    arguments: list[str],
    check: list[str] | None,
    keep: bool,
    reuse: bool,
    output: Path | None,
    seed: int | None,
    only: tuple[str, ...] = (),
) -> int:
    for check_id in check or []:
        arguments += ["--check", check_id]
    if keep:
        arguments.append("--keep")
    if reuse:
        arguments.append("--reuse")
    if output is not None:
        arguments += ["--output", str(output)]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    suites = assets.asset("suites")
    return run_pytest([str(suites / folder) for folder in only] or [str(suites)], arguments)


def run_pytest(paths: list[str], arguments: list[str]) -> int:
    """Run checks in this process; returns the exit code that the evidence gives.

    Raises:
        Unusable: the environment would change what is checked.
    """
    if os.environ.get("PYTEST_ADDOPTS"):
        raise Unusable(
            "PYTEST_ADDOPTS is set and would change which checks run",
            remedy="Unset it, or use pytest itself",
        )
    code = pytest.main(
        [
            *paths,
            f"--rootdir={assets.root()}",
            f"--confcutdir={assets.root()}",
            "--override-ini=addopts=--import-mode=importlib --strict-markers",
            # Other plugins on the machine could reorder, repeat or skip checks.
            "--disable-plugin-autoload", "-p", "mlflow_conformance.run.plugin",
            "-p", "no:cacheprovider",
            "--no-header", "--tb=no", "-q",
            *arguments,
        ]
    )  # fmt: skip
    # pytest's own 4 and 5, for wrong usage and for no tests, are wrong usage here.
    return code if code in (0, 1, 2, 3) else 3


def main() -> None:
    """Entry point; wrong usage and unusable input end with exit code 3 and one sentence."""
    try:
        with ending_once():
            code = app(standalone_mode=False)
    except Unusable as problem:
        sys.exit(_say(str(problem)))
    except typer.TyperException as problem:
        sentence = " ".join(problem.format_message().split())
        stop = "" if sentence.endswith(("?", ".")) else "."
        sys.exit(_say(f"{sentence}{stop} Use `mlflow-conformance --help` to see what there is."))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_say("The command was stopped by a signal. Run it again."))
    sys.exit(code if isinstance(code, int) else 0)


def _say(sentence: str) -> Literal[3]:
    sys.stderr.write(f"{SPEAKER}{sentence}\n")
    return 3
