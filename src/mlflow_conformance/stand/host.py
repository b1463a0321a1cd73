# SPDX-License-Identifier: Apache-2.0
"""What this machine has, lacks, and can never have, each with the command that mends it."""

from collections.abc import Callable, Sequence

from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import capacity, docker_host, kernel, packages
from mlflow_conformance.stand.machine import Finding, Host, State


def findings(host: Host) -> tuple[Finding, ...]:
    """Everything that a cluster needs, the impossible first."""
    found = [
        capacity.system(host),
        capacity.architecture(host),
        capacity.python(host),
        capacity.privileges(host),
        capacity.cgroups(host),
        capacity.memory(host),
        capacity.disk(host),
        docker_host.engine(host, host.docker) if host.docker else packages.podman(host),
        packages.programs(host),
        *kernel.settings(host),
        kernel.modules(host),
    ]
    return tuple(sorted(found, key=lambda finding: finding.state is not State.IMPOSSIBLE))


def require(found: Sequence[Finding]) -> None:
    """Go on only if nothing is missing.

    Raises:
        Unusable: something is; the first impossible thing, else all commands in one line.
    """
    for finding in found:
        if finding.state is State.IMPOSSIBLE:
            raise Unusable(f"{finding.subject}: {finding.detail}", remedy=finding.command)
    missing = [finding for finding in found if finding.state is State.MISSING]
    if missing:
        raise Unusable(
            "This machine lacks " + ", ".join(finding.subject for finding in missing),
            remedy="Run as root: " + " && ".join(finding.command for finding in missing),
        )


def prepare(host: Host, tell: Callable[[str], None]) -> tuple[Finding, ...]:
    """Mend what can be mended, as root on a Debian or Ubuntu; returns what is found after it.

    Raises:
        Unusable: as `require`, for what could not be mended.
    """
    found = findings(host)
    if host.uid == 0 and not any(each.state is State.IMPOSSIBLE for each in found):
        for finding in found:
            if finding.state is State.MISSING:
                tell(f"{finding.subject}: {finding.command}")
                _mend(finding)
        found = findings(host)
    require(found)
    return found


def _mend(finding: Finding) -> None:
    try:
        shell.run(["sh", "-c", finding.command], timeout_s=600)
    except shell.CommandFailed as error:
        raise Unusable(
            f"{finding.subject} could not be had: {error.completed.tail or error}",
            remedy=f"Run as root: {finding.command}",
        ) from error
