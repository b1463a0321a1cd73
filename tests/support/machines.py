# SPDX-License-Identifier: Apache-2.0
"""Machines that are made of files, for the host check."""

from collections.abc import Mapping
from pathlib import Path

from mlflow_conformance.stand.capacity import GIB
from mlflow_conformance.stand.host import findings
from mlflow_conformance.stand.machine import Finding, Host, State

FILES = {
    "etc/os-release": 'NAME="Debian"\nID=debian\n',
    "proc/meminfo": "MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n",
    "proc/sys/fs/inotify/max_user_instances": "512\n",
    "proc/sys/fs/inotify/max_user_watches": "524288\n",
    "proc/sys/net/ipv4/ip_forward": "1\n",
    "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "lib/modules/empty": "",
    "usr/share/keyrings/debian-archive-keyring.gpg": "",
}


def machine(root: Path, more: Mapping[str, str]) -> Host:
    """A machine that root runs this on, with every program and with room enough.

    Args:
        root: an empty folder.
        more: files besides `FILES`, by their paths below it.
    """
    for name, text in {**FILES, **more}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Host(
        root=root,
        machine="x86_64",
        python=(3, 11),
        uid=0,
        cache_free=100 * GIB,
        cache_used=False,
        cluster_up=False,
        which=lambda program: f"/usr/bin/{program}",
    )


def bad(host: Host) -> list[Finding]:
    """What is not well with it."""
    return [finding for finding in findings(host) if finding.state is not State.OK]
