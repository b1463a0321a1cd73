# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs of a machine that no command gives it: its kind, its size, and rights."""

from mlflow_conformance.stand.machine import Finding, Host, State

GIB = 1024**3
MIN_MEMORY = 8 * GIB
"""Bytes that must be available: three nodes, MLflow, its database and its store."""
MIN_MEMORY_BESIDE = 2 * GIB
"""Bytes that must be available beside a cluster that is up: the load, and a browser."""
MIN_DISK = 40 * GIB
"""Bytes that must be free for the cache on a first build; what is built already counts."""
MIN_PYTHON = (3, 11)
ARCHITECTURE = "x86_64"
ELSEWHERE = "or check a cluster that exists: gate --context needs none of this"
"""What is left to a machine that can make no cluster."""


def system(host: Host) -> Finding:
    """The operating system."""
    if host.system == "Linux":
        return Finding("operating system", State.OK, host.system)
    return Finding(
        "operating system",
        State.IMPOSSIBLE,
        f"a cluster of its own needs Linux, this is {host.system}",
        f"Use a Linux machine with {ARCHITECTURE}, {ELSEWHERE}",
    )


def architecture(host: Host) -> Finding:
    """The kind of processor."""
    if host.machine == ARCHITECTURE:
        return Finding("processor", State.OK, host.machine)
    return Finding(
        "processor",
        State.IMPOSSIBLE,
        f"images are built for {ARCHITECTURE}, this is {host.machine}",
        f"Use a machine with {ARCHITECTURE}, {ELSEWHERE}",
    )


def python(host: Host) -> Finding:
    """The version of Python."""
    version = ".".join(map(str, host.python))
    if host.python >= MIN_PYTHON:
        return Finding("Python", State.OK, version)
    least = ".".join(map(str, MIN_PYTHON))
    return Finding("Python", State.IMPOSSIBLE, f"{version} is too old", f"Use Python {least}")


def privileges(host: Host) -> Finding:
    """Who runs this."""
    if host.uid == 0:
        return Finding("privileges", State.OK, "root")
    if host.docker is None:
        return Finding(
            "privileges",
            State.IMPOSSIBLE,
            "nodes are privileged containers, and Podman without root cannot give them their "
            "cgroups",
            f"Run it as root, for example with sudo, or as a member of the group docker with "
            f"Docker, {ELSEWHERE}",
        )
    if "permission denied" in host.docker.problem:
        return Finding(
            "privileges",
            State.IMPOSSIBLE,
            f"{host.user} may not use Docker's socket",
            f"Run `sudo usermod -aG docker {host.user}` and log in again, or run it as root, "
            f"{ELSEWHERE}",
        )
    way = "" if host.docker.problem else ", by Docker's socket"
    return Finding("privileges", State.OK, f"{host.user}{way}")


def cgroups(host: Host) -> Finding:
    """Control groups."""
    if not (host.root / "sys/fs/cgroup").is_dir():
        return Finding(
            "control groups",
            State.IMPOSSIBLE,
            "there is no /sys/fs/cgroup, so containers cannot be limited",
            "Run it outside of this container, or mount /sys/fs/cgroup into it",
        )
    return Finding("control groups", State.OK, "v2" if host.unified else "v1")


def memory(host: Host) -> Finding:
    """Memory that is available."""
    fields = dict(
        line.split(":", 1) for line in host.text("/proc/meminfo").splitlines() if ":" in line
    )
    available = int(fields.get("MemAvailable", "0 kB").split()[0]) * 1024
    detail = f"{available / GIB:.1f} GiB available"
    least = MIN_MEMORY_BESIDE if host.cluster_up else MIN_MEMORY
    if available >= least:
        return Finding("memory", State.OK, detail)
    return Finding(
        "memory",
        State.IMPOSSIBLE,
        f"{detail}, {least // GIB} GiB are needed",
        "End other programs, or use a larger machine",
    )


def disk(host: Host) -> Finding:
    """Room for what is built."""
    detail = f"{host.cache_free / GIB:.1f} GiB free for the cache"
    if host.cache_free >= MIN_DISK or host.cache_used:
        return Finding("disk", State.OK, detail)
    return Finding(
        "disk",
        State.IMPOSSIBLE,
        f"{detail}, {MIN_DISK // GIB} GiB are needed",
        "Free some, or set MLFLOW_CONFORMANCE_CACHE to a folder on another disk",
    )
