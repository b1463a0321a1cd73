# SPDX-License-Identifier: Apache-2.0
"""The families of checks: what the first part of a check's ID stands for, everywhere.

A family has one name in ``suites/``, in this package, in ``mutants/`` and in ``tests/unit/``.
"""

FOLDERS = {
    "TRK": "tracking",
    "REG": "registry",
    "ART": "artifacts",
    "NET": "network_policy",
    "SEC": "security",
    "BKP": "backup_restore",
    "HPA": "autoscaling",
    "DIS": "disruption",
    "LAT": "latency",
    "UPG": "upgrade",
    "OBS": "observability",
    "OPS": "operations",
    "INT": "integrations",
}
"""The folder of each family, by the first part of its checks' IDs."""


def prefix_of(check_id: str) -> str:
    """``NET`` of ``NET-1.dns``."""
    return check_id.split("-", 1)[0]


def folder_of(check_id: str) -> str:
    """``network_policy`` of ``NET-1.dns``.

    Raises:
        KeyError: there is no such family.
    """
    return FOLDERS[prefix_of(check_id)]
