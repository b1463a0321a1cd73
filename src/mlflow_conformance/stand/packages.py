# SPDX-License-Identifier: Apache-2.0
"""Programs that a machine needs: to make a cluster, and for what its checks do."""

from collections.abc import Sequence

from mlflow_conformance.cluster.podman import runtime
from mlflow_conformance.stand.machine import Finding, Host, State

PACKAGES = {
    "podman": "podman",
    "conmon": "conmon",
    "newuidmap": "uidmap",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
"""Program and the Debian package that has it. Podman only suggests most of them."""
IPTABLES_ALONE = {"bookworm", "jammy", "noble"}
"""Releases of Debian and Ubuntu whose netavark knows only iptables. Later ones call nft, and only
recommend the package that has it."""
LIBRARIES = {"/usr/lib/podman/netavark": "netavark", "/usr/lib/podman/aardvark-dns": "aardvark-dns"}
"""The same for programs that are not in the path."""
KEYRING = ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring")
USED = {"curl": "curl", "openssl": "openssl"}
"""Program and package likewise, of what the deployments' own guides call on the user's machine."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Browsers that show MLflow's pages to a check: any of them will do."""


def podman(host: Host) -> Finding:
    """Podman and what it calls."""
    lacking = [package for program, package in PACKAGES.items() if not host.which(program)]
    if not (host.which("nft") or host.codenames & IPTABLES_ALONE):
        lacking.append("nftables")
    if not runtime(host.which, unified=host.unified):
        lacking.append("runc")
    lacking += [
        package
        for path, package in (*LIBRARIES.items(), KEYRING)
        if not (host.root / path.lstrip("/")).is_file()
    ]
    if not lacking:
        return Finding("container engine", State.OK, "Podman")
    detail = f"lacking {', '.join(lacking)}"
    if host.which("docker"):
        detail += "; Docker is there, and stays as it is: Podman is chosen"
    if host.wsl:
        detail += "; in WSL the engine of Docker Desktop is not enough"
    return lacking_packages(host, "container engine", detail, lacking)


def programs(host: Host) -> Finding:
    """What checks and guides call."""
    lacking = [package for program, package in USED.items() if not host.which(program)]
    if not any(host.which(browser) for browser in BROWSERS):
        # A browser without a font draws boxes.
        lacking += ["chromium", "fonts-dejavu-core"]
    if not lacking:
        return Finding("programs of the checks", State.OK, "there")
    return lacking_packages(
        host, "programs of the checks", f"lacking {', '.join(lacking)}", lacking
    )


def lacking_packages(host: Host, subject: str, detail: str, lacking: Sequence[str]) -> Finding:
    """Packages that are not there, and how to have them."""
    install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(lacking)}"
    if host.apt:
        return Finding(subject, State.MISSING, detail, install)
    return Finding(
        subject,
        State.IMPOSSIBLE,
        f"{detail}, and this is neither Debian nor Ubuntu",
        f"Install {', '.join(lacking)} with this system's package manager, then run it again",
    )
