# SPDX-License-Identifier: Apache-2.0
"""Where this program keeps things on the host: a cache it can make again, and its state."""

import os
from pathlib import Path

_NAME = "mlflow-conformance"


def _root(own: str | None, xdg: str, fallback: str) -> Path:
    if own and (value := os.environ.get(own)):
        return Path(value).expanduser().resolve()
    if value := os.environ.get(xdg):
        return Path(value) / _NAME
    return Path.home() / fallback / _NAME


def cache_root() -> Path:
    """Built images, Go's caches, downloads: all of it can be deleted and made again."""
    return _root("MLFLOW_CONFORMANCE_CACHE", "XDG_CACHE_HOME", ".cache")


def state_root() -> Path:
    """Kubeconfigs and locks of the clusters made here; a cluster outlives the process."""
    return _root(None, "XDG_STATE_HOME", ".local/state")
