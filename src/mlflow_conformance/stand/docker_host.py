# SPDX-License-Identifier: Apache-2.0
"""What a cluster on Docker needs of a machine, for root and for members of the group docker."""

from mlflow_conformance.cluster.docker import Daemon
from mlflow_conformance.cluster.engines import VARIABLE
from mlflow_conformance.stand.capacity import ELSEWHERE
from mlflow_conformance.stand.machine import Finding, Host, State
from mlflow_conformance.stand.packages import KEYRING, lacking_packages

_SUBJECT = "container engine"


def engine(host: Host, daemon: Daemon) -> Finding:
    """Docker, and what images are made with besides."""
    if trouble := _trouble(host, daemon):
        return Finding(_SUBJECT, State.IMPOSSIBLE, *trouble)
    lacking = [] if daemon.buildx else [_buildx(daemon)]
    if not host.which("mmdebstrap"):
        lacking.append("mmdebstrap")
    if host.uid and not host.which("newuidmap"):
        lacking.append("uidmap")
    if not (host.root / KEYRING[0].lstrip("/")).is_file():
        lacking.append(KEYRING[1])
    if lacking:
        return lacking_packages(host, _SUBJECT, f"Docker, lacking {', '.join(lacking)}", lacking)
    if host.uid and not (_mapped(host, "/etc/subuid") and _mapped(host, "/etc/subgid")):
        return Finding(
            _SUBJECT,
            State.MISSING,
            f"Docker, but {host.user} has no subordinate ids, under which mmdebstrap makes file "
            "systems",
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + host.user,
        )
    return Finding(_SUBJECT, State.OK, "Docker")


def _buildx(daemon: Daemon) -> str:
    """The package that has Docker's builder: in Docker's own packages, or in Debian's."""
    return "docker-buildx-plugin" if daemon.community else "docker-buildx"


def _mapped(host: Host, file: str) -> bool:
    """Whether ids are set aside for the account (subuid(5))."""
    owners = {line.partition(":")[0] for line in host.text(file).splitlines()}
    return not owners.isdisjoint({host.user, str(host.uid)})


def _trouble(host: Host, daemon: Daemon) -> tuple[str, str] | None:
    """Why no cluster can be made on this Docker, and what to do; None if one can."""
    other = f"as root set {VARIABLE}=podman, {ELSEWHERE}"
    if daemon.podman:
        return "docker is Podman here, under another name", f"Install Docker Engine, or {other}"
    if daemon.problem:
        return (
            f"Docker does not answer: {daemon.problem}",
            f"Start it (systemctl start docker), or {other}",
        )
    if daemon.system == "Docker Desktop":
        place = "the distribution" if host.wsl else "this system"
        return (
            "Docker Desktop runs in a machine of its own, and its nodes are not to be seen here",
            f"Install Docker Engine in {place}, or {other}",
        )
    if not daemon.endpoint.startswith("unix://"):
        return (
            f"Docker is at {daemon.endpoint}, on another machine",
            f"Unset DOCKER_HOST and DOCKER_CONTEXT, or {other}",
        )
    if daemon.rootless:
        return (
            "Docker is rootless here, and no cluster was ever made on that",
            f"Use the Docker that root's service runs (docker context use default), or {other}",
        )
    return None
