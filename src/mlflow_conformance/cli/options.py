# SPDX-License-Identifier: Apache-2.0
"""Options that several sub-commands have."""

from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.config.manners import Manner

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
NamespaceOption = Annotated[
    str | None,
    typer.Option(help="Where MLflow is, with --context; default: where the profile says."),
]
KubeconfigOption = Annotated[
    Path | None, typer.Option(help="Where --context is; default: KUBECONFIG or ~/.kube/config.")
]
MutantOption = Annotated[
    str | None, typer.Option(help="Break the deployment with this mutant first.")
]
CheckOption = Annotated[
    list[str] | None, typer.Option("--check", help="Only this check; repeatable.")
]
UpgradeFromOption = Annotated[
    str | None,
    typer.Option(
        help="Deploy this first, for checks of an upgrade: a version, values:FILE or ref:REF."
    ),
]
UpgradeToOption = Annotated[str | None, typer.Option(help="What such an upgrade ends at.")]
UpgradeFolderOption = Annotated[
    Path | None, typer.Option(help="What stages of one upgrade leave each other.")
]
UpgradeRunsOption = Annotated[int | None, typer.Option(help="Runs that are made before it.")]
UpgradeDataOption = Annotated[
    Path | None, typer.Option(help="A dump of a database (pg_dump --format=custom) to upgrade.")
]
UpgradeWayOption = Annotated[
    Manner | None, typer.Option(help="What is done about requests meanwhile; default: rolling.")
]
