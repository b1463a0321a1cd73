# SPDX-License-Identifier: Apache-2.0
"""Podman with settings of our own, in a file of our own: nothing under /etc is touched."""

import resource
from pathlib import Path

from mlflow_conformance.core import paths

NETWORK = "mlflow-conformance"
"""The container network of our clusters, so that nobody else's is shared or removed."""

_WANTED = {"nofile": 1_048_576, "nproc": 32_768}
"""Enough for three nodes. Podman lowers its own limit of processes below the machine's hard one,
and nothing that it starts can be given more than it has itself."""
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


def containers_conf(hard_limits: dict[str, int]) -> str:
    """Podman's settings for this machine.

    runc, because crun refuses a hybrid of cgroup v1 and v2. Limits no higher than the machine's
    hard ones, because a privileged container asks for more and then cannot start where root
    lacks CAP_SYS_RESOURCE.

    Args:
        hard_limits: of this process, by Podman's name; -1 is no limit.
    """
    limits = []
    for name, wanted in _WANTED.items():
        hard = hard_limits[name]
        limit = wanted if hard < 0 else min(hard, wanted)
        limits.append(f'"{name}={limit}:{limit}"')
    return (
        '[engine]\nruntime = "runc"\n'
        '[network]\nnetwork_backend = "netavark"\n'
        f"[containers]\ndefault_ulimits = [{', '.join(limits)}]\n"
    )


def environment() -> dict[str, str]:
    """The variables under which Podman and kind run; writes the settings that they point to."""
    hard = {name: resource.getrlimit(number)[1] for name, number in _LIMITS.items()}
    text = containers_conf(hard)
    path = _settings()
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return {
        "CONTAINERS_CONF": str(path),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
        "KIND_EXPERIMENTAL_PODMAN_NETWORK": NETWORK,
    }


def forget() -> None:
    """Remove the settings; whoever needs them next writes them anew."""
    path = _settings()
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _settings() -> Path:
    return paths.state_root() / "containers.conf"
