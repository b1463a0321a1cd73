# SPDX-License-Identifier: Apache-2.0
"""The commands of the deployment's guide do what it says."""

import socket
from contextlib import closing

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.operations.thresholds import GuideCommands
from mlflow_conformance.target.base import Target


@check(
    "OPS-5",
    impact="Who follows the guide of this deployment is stuck at the command named.",
    remedy="Mend the deployment, or the command in its commands.yaml, and what the guide says.",
    disruptive=True,
    writes=("cluster",),
)
def test_commands_of_the_guide(
    evidence: Evidence, target: Target, kube: Kube, guide: Guide, prompt: Terminal
) -> None:
    """The guide's commands that look at the deployment show what it promises.

    Preconditions: the programs that the guide names are on this machine.
    Steps: run each command by bash, in the guide's order; stop those that go on for ever.
    Expected: exit code 0, and what commands.yaml says that it shows. What it printed is not kept,
    for it may be a secret.
    """
    row = evidence.row(GuideCommands)
    ready = kube.ready_pods(target.names.mlflow.selector, container=target.names.mlflow.container)
    if not ready:
        evidence.undecided("no pod of MLflow is ready, so there is nothing to look at")
    variables = {"POD": ready[0].name, "PORT": str(_free_port())}
    for name, command in guide.run_by(evidence.id).items():
        said = prompt.judged(
            command,
            within_s=row.within_s,
            watch_s=row.watch_s,
            variables=variables,
        )
        evidence.expect("command", f"{name}: {command.guide}", said, "==", GOOD, door="kubernetes")


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
