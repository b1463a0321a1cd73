# SPDX-License-Identifier: Apache-2.0
"""What this machine has, lacks, and can never have, each with the command that mends it."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mlflow_conformance.core import paths, shell
from mlflow_conformance.core.errors import Unusable

GIB = 1024**3
MIN_MEMORY = 8 * GIB
"""Bytes that must be available: three nodes, MLflow, its database and its store."""
MIN_MEMORY_BESIDE = 2 * GIB
"""Bytes that must be available beside a cluster that is up: the load, and a browser."""
MIN_DISK = 40 * GIB
"""Bytes that must be free for the cache on a first build; what is built already counts."""
MIN_PYTHON = (3, 11)
ARCHITECTURE = "x86_64"
INOTIFY = {"max_user_instances": 512, "max_user_watches": 524_288}
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "newuidmap": "uidmap",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
"""Program and the Debian package that has it. Podman only suggests most of them."""
LIBRARIES = {"/usr/lib/podman/netavark": "netavark", "/usr/lib/podman/aardvark-dns": "aardvark-dns"}
"""The same for programs that are not in the path."""
KEYRING = ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring")
USED = {"curl": "curl", "openssl": "openssl"}
"""Program and package likewise, of what the deployments' own guides call on the user's machine."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Browsers that show MLflow's pages to a check: any of them will do."""


class State(Enum):
    """What a finding says."""

    OK = "ok"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class Finding:
    """One thing that a cluster needs of this machine.

    Args:
        subject: what was looked at.
        detail: what was found.
        command: mends what is missing, for a shell, as root; empty otherwise.
    """

    subject: str
    state: State
    detail: str
    command: str = ""


@dataclass(frozen=True)
class Host:
    """The machine, so that it can be another one in a test: where to look, and what is known.

    Args:
        root: the folder that stands for ``/``.
        cache_free: bytes free where the cache is kept.
        cache_used: whether a build has been there already.
        cluster_up: whether the cluster is up that is to be used again.
        which: finds a program in the path.
    """

    root: Path
    machine: str
    python: tuple[int, int]
    uid: int
    cache_free: int
    cache_used: bool
    cluster_up: bool
    which: Callable[[str], str | None]

    @classmethod
    def this(cls, *, cluster_up: bool = False) -> "Host":
        """The machine that this runs on."""
        cache = paths.cache_root()
        there = next(path for path in (cache, *cache.parents) if path.is_dir())
        return cls(
            root=Path("/"),
            machine=platform.machine(),
            python=sys.version_info[:2],
            uid=os.getuid(),
            cache_free=shutil.disk_usage(there).free,
            cache_used=(cache / "steps").is_dir(),
            cluster_up=cluster_up,
            which=shutil.which,
        )

    def text(self, path: str) -> str:
        """A file's content; empty if there is none."""
        file = self.root / path.lstrip("/")
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def apt(self) -> bool:
        """Whether packages come with apt."""
        return any(
            line in ("ID=debian", "ID=ubuntu", "ID_LIKE=debian")
            for line in self.text("/etc/os-release").replace('"', "").splitlines()
        )

    @property
    def wsl(self) -> bool:
        """Whether this is the Windows Subsystem for Linux."""
        return "microsoft" in self.text("/proc/sys/kernel/osrelease").lower()


def findings(host: Host) -> tuple[Finding, ...]:
    """Everything that a cluster needs, the impossible first."""
    found = [
        _architecture(host),
        _python(host),
        _privileges(host),
        _cgroups(host),
        _memory(host),
        _disk(host),
        _engine(host),
        _programs(host),
        *_settings(host),
        _modules(host),
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


def _architecture(host: Host) -> Finding:
    if host.machine == ARCHITECTURE:
        return Finding("processor", State.OK, host.machine)
    return Finding(
        "processor",
        State.IMPOSSIBLE,
        f"images are built for {ARCHITECTURE}, this is {host.machine}",
        f"Use a machine with {ARCHITECTURE}",
    )


def _python(host: Host) -> Finding:
    version = ".".join(map(str, host.python))
    if host.python >= MIN_PYTHON:
        return Finding("Python", State.OK, version)
    least = ".".join(map(str, MIN_PYTHON))
    return Finding("Python", State.IMPOSSIBLE, f"{version} is too old", f"Use Python {least}")


def _privileges(host: Host) -> Finding:
    if host.uid == 0:
        return Finding("privileges", State.OK, "root")
    return Finding(
        "privileges",
        State.IMPOSSIBLE,
        "nodes are privileged containers, and a rootless engine cannot give them their cgroups",
        "Run it as root, for example with sudo",
    )


def _cgroups(host: Host) -> Finding:
    if not (host.root / "sys/fs/cgroup").is_dir():
        return Finding(
            "control groups",
            State.IMPOSSIBLE,
            "there is no /sys/fs/cgroup, so containers cannot be limited",
            "Run it outside of this container, or mount /sys/fs/cgroup into it",
        )
    unified = (host.root / "sys/fs/cgroup/cgroup.controllers").is_file()
    return Finding("control groups", State.OK, "v2" if unified else "v1")


def _memory(host: Host) -> Finding:
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


def _disk(host: Host) -> Finding:
    detail = f"{host.cache_free / GIB:.1f} GiB free for the cache"
    if host.cache_free >= MIN_DISK or host.cache_used:
        return Finding("disk", State.OK, detail)
    return Finding(
        "disk",
        State.IMPOSSIBLE,
        f"{detail}, {MIN_DISK // GIB} GiB are needed",
        "Free some, or set MLFLOW_CONFORMANCE_CACHE to a folder on another disk",
    )


def _engine(host: Host) -> Finding:
    lacking = [package for program, package in PACKAGES.items() if not host.which(program)]
    lacking += [
        package
        for path, package in (*LIBRARIES.items(), KEYRING)
        if not (host.root / path.lstrip("/")).is_file()
    ]
    if not lacking:
        return Finding("container engine", State.OK, "Podman")
    detail = f"lacking {', '.join(lacking)}"
    if host.which("docker"):
        detail += "; Docker is there, but images are built with Podman"
    if host.wsl:
        detail += "; in WSL the engine of Docker Desktop is not enough"
    return _lacking(host, "container engine", detail, lacking)


def _programs(host: Host) -> Finding:
    lacking = [package for program, package in USED.items() if not host.which(program)]
    if not any(host.which(browser) for browser in BROWSERS):
        # A browser without a font draws boxes.
        lacking += ["chromium", "fonts-dejavu-core"]
    if not lacking:
        return Finding("programs of the checks", State.OK, "there")
    return _lacking(host, "programs of the checks", f"lacking {', '.join(lacking)}", lacking)


def _lacking(host: Host, subject: str, detail: str, lacking: Sequence[str]) -> Finding:
    install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(lacking)}"
    if host.apt:
        return Finding(subject, State.MISSING, detail, install)
    return Finding(
        subject,
        State.IMPOSSIBLE,
        f"{detail}, and this is neither Debian nor Ubuntu",
        f"Install {', '.join(lacking)} with this system's package manager, then run it again",
    )


def _settings(host: Host) -> list[Finding]:
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


def _modules(host: Host) -> Finding:
    if (host.root / "lib/modules").is_dir():
        return Finding("/lib/modules", State.OK, "there")
    # kind mounts it into every node; it may be empty
    return Finding("/lib/modules", State.MISSING, "not there", "mkdir -p /lib/modules")
