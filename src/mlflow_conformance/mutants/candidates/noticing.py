# SPDX-License-Identifier: Apache-2.0
"""Which checks could notice a change: by the kind of what it changes, by whose it is, and where.

A table of what checks look at, so that a candidate is not held against all of them. It leaves out
none that is about the changed field: a check that should be here and is not makes a change look
unnoticed, and whoever judges that finds it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

ALWAYS = ("OPS-6", "TRK-1")
"""Pods are ready, and what a client writes is there: what a change of anything could cost."""


@dataclass(frozen=True)
class _Hint:
    """Checks for a kind, a part and a place; each a full regular-expression match."""

    kind: str
    part: str
    place: str
    checks: str


_WORKLOAD = "Deployment|StatefulSet|DaemonSet"
_CONFIGURED = f"{_WORKLOAD}|ConfigMap|Secret"
_POD = r".*(env|envFrom|args|command|data|ports)\b.*|data.*"
# With the empty place of an object as a whole.
_STORED = rf"{_POD}|.*([vV]olume|initContainers|resources|replicas).*|"

_HINTS = (
    _Hint(".*NetworkPolicy", ".*", ".*", "NET-1 NET-2 NET-3 NET-4 REG-6 OBS-6 BKP-1.manual"),
    _Hint("Namespace", ".*", ".*", "SEC-1 NET-1 NET-2"),
    _Hint("PodDisruptionBudget", ".*", ".*", "DIS-1"),
    _Hint("HorizontalPodAutoscaler", ".*", ".*", "HPA-1 HPA-6"),
    _Hint("HorizontalPodAutoscaler", ".*", r"spec\.(behavior|metrics).*", "HPA-2 HPA-5 HPA-4"),
    _Hint("Ingress", ".*", ".*", "SEC-6 SEC-5.certificates SEC-5.front TRK-8 NET-2 ART-5.slow"),
    _Hint("Service", ".*", ".*", "TRK-9 NET-1 NET-2 NET-4 OBS-6 ART-1 SEC-6 OPS-5"),
    _Hint("ServiceAccount", ".*", ".*", "SEC-2 ART-2 ART-2.tokens"),
    _Hint(".*Role.*", ".*", ".*", "SEC-2 ART-2 ART-2.tokens ART-2.expired"),
    _Hint("StorageClass|PersistentVolume.*", ".*", ".*", "DIS-4.deletion BKP-5.empty"),
    _Hint(f"{_WORKLOAD}|CronJob", ".*", ".*", "SEC-1 SEC-2 SEC-7"),
    _Hint(f"{_WORKLOAD}|CronJob", ".*", ".*(env|data|volume|projected).*", "ART-2 SEC-3.leaks"),
    _Hint(_WORKLOAD, "server", ".*(affinity|topologySpread).*", "DIS-9 DIS-8"),
    _Hint(
        _WORKLOAD,
        "server",
        r".*(strategy|progress|terminationGrace|lifecycle|readinessProbe|startupProbe).*",
        "DIS-8 DIS-8.broken DIS-4",
    ),
    _Hint(_WORKLOAD, "server", ".*livenessProbe.*", "DIS-3.hang DIS-4"),
    _Hint(_WORKLOAD, "server", ".*revisionHistory.*", "DIS-8.update"),
    _Hint(_WORKLOAD, "server", ".*(initContainers|readinessProbe|startupProbe).*", "DIS-10"),
    _Hint(_WORKLOAD, "server", ".*(initContainers).*", "OPS-7 DIS-8"),
    _Hint(_WORKLOAD, "server", ".*(resources|emptyDir|volumes).*", "ART-1 HPA-1 LAT-1 ART-5.slow"),
    _Hint(
        _CONFIGURED,
        "server",
        _POD,
        "SEC-6 ART-1 ART-3 REG-6 TRK-7 HPA-3 OPS-4 OPS-4.workers OPS-5 ART-4.roles SEC-5.postgresql"
        " TRK-8 SEC-3.strength",
    ),
    _Hint(
        _CONFIGURED,
        "database",
        _STORED,
        "DIS-4.settings SEC-5.postgresql OPS-2 OPS-3 HPA-3 OBS-6 NET-1 TRK-7 SEC-3.strength"
        " SEC-2.postgresql",
    ),
    _Hint(_WORKLOAD, "database", ".*(Probe|lifecycle|terminationGrace|replicas).*", "DIS-4"),
    _Hint(_WORKLOAD, "database", ".*(volume|persistent).*", "DIS-4.deletion"),
    _Hint(_CONFIGURED, "store", _STORED, "ART-1 ART-3 ART-4 ART-4.roles ART-7 SEC-3.strength"),
    _Hint(_WORKLOAD, "store", ".*(Probe|lifecycle|terminationGrace|volume|replicas).*", "DIS-5"),
    _Hint(
        "CronJob|ConfigMap|Secret",
        "backup",
        ".*",
        "BKP-1 BKP-1.manual BKP-2.manifest BKP-4 SEC-5.postgresql",
    ),
    _Hint("CronJob", "backup", r"spec\.(?!jobTemplate).*", "BKP-1.schedule"),
    _Hint(".*", "backup", ".*(KEEP|keep|env|data).*", "BKP-3"),
    _Hint("CronJob|ConfigMap", "backup", ".*(backoff|volume|data).*", "BKP-8"),
    _Hint("CronJob|ConfigMap|Secret", "restore", ".*", "BKP-5 SEC-5.postgresql"),
    _Hint("Secret", ".*", ".*", "SEC-3.strength SEC-5.certificates SEC-5.front TRK-1 ART-1"),
)


def could_notice(kind: str, parts: Collection[str], place: str, known: Iterable[str]) -> list[str]:
    """The checks that could notice a change, in the order of `known`.

    Args:
        kind: of the object, as its manifest says.
        parts: whose it is; of a ConfigMap or a Secret those of all its readers.
        place: what is changed, in words.
        known: the checks that the profile expects.
    """
    wanted = {
        *ALWAYS,
        *(i for hint in _HINTS if _fits(hint, kind, parts, place) for i in _of(hint)),
    }
    return [check_id for check_id in known if check_id in wanted]


def named() -> Sequence[str]:
    """Every check that the table names."""
    return sorted({*ALWAYS, *(i for hint in _HINTS for i in _of(hint))})


def _of(hint: _Hint) -> list[str]:
    return hint.checks.split()


def _fits(hint: _Hint, kind: str, parts: Collection[str], place: str) -> bool:
    return (
        re.fullmatch(hint.kind, kind) is not None
        and re.fullmatch(hint.place, place) is not None
        and any(re.fullmatch(hint.part, part) for part in (parts or [""]))
    )
