# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs of a machine's kernel."""

from mlflow_conformance.stand.machine import Finding, Host, State

INOTIFY = {"max_user_instances": 512, "max_user_watches": 524_288}


def settings(host: Host) -> list[Finding]:
    """Settings of the kernel that three nodes need."""
    found = []
    for name, least in INOTIFY.items():
        path = f"/proc/sys/fs/inotify/{name}"
        found.append(_at_least(host, f"fs.inotify.{name}", path, least))
    found.append(_at_least(host, "net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", 1))
    return found


def _at_least(host: Host, name: str, path: str, least: int) -> Finding:
    value = int(host.text(path).strip() or 0)
    if value >= least:
        return Finding(name, State.OK, str(value))
    return Finding(name, State.MISSING, f"{value} instead of {least}", f"echo {least} >{path}")


def modules(host: Host) -> Finding:
    """The folder of modules that every node mounts."""
    if (host.root / "lib/modules").is_dir():
        return Finding("/lib/modules", State.OK, "there")
    # kind mounts it into every node; it may be empty
    return Finding("/lib/modules", State.MISSING, "not there", "mkdir -p /lib/modules")
