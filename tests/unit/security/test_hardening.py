# SPDX-License-Identifier: Apache-2.0
"""What a pod specification says about hardening."""

import copy
from typing import Any

import pytest

from mlflow_conformance.security.hardening import violations

GOOD: dict[str, Any] = {
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "containers": [
        {
            "name": "main",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}


def _of(spec: dict[str, Any]) -> list[str]:
    return violations("pod", spec, seccomp="RuntimeDefault")


def _changed(where: str, **fields: Any) -> dict[str, Any]:
    spec = copy.deepcopy(GOOD)
    if where == "pod":
        spec.update(fields)
    elif where == "pod context":
        spec["securityContext"].update(fields)
    elif where == "container":
        spec["containers"][0].update(fields)
    else:
        spec["containers"][0]["securityContext"].update(fields)
    return spec


def test_a_restricted_pod_has_no_violation() -> None:
    assert _of(GOOD) == []
    kept = _changed(
        "pod context",
        fsGroup=5,
        supplementalGroups=[7],
        sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
        seLinuxOptions={"type": "container_t", "level": "s0"},
        appArmorProfile={"type": "RuntimeDefault"},
    )
    kept["volumes"] = [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {}}]
    assert _of(kept) == []


@pytest.mark.parametrize(
    ("where", "fields", "said"),
    [
        ("pod", {"hostNetwork": True}, "pod: hostNetwork"),
        ("pod", {"hostPID": True}, "pod: hostPID"),
        ("pod", {"hostIPC": True}, "pod: hostIPC"),
        (
            "pod context",
            {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]},
            "pod: sysctl kernel.msgmax",
        ),
        (
            "pod context",
            {"appArmorProfile": {"type": "Unconfined"}},
            "pod/main: AppArmor profile is Unconfined",
        ),
        (
            "security context",
            {"seLinuxOptions": {"type": "spc_t"}},
            "pod/main: seLinuxOptions of its own",
        ),
        (
            "security context",
            {"seLinuxOptions": {"user": "x"}},
            "pod/main: seLinuxOptions of its own",
        ),
        ("pod", {"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]}, "pod: hostPath etc"),
        ("pod context", {"runAsNonRoot": False}, "pod/main: runAsNonRoot is not true"),
        ("pod context", {"runAsUser": 0}, "pod/main: runAsUser is 0"),
        ("pod context", {"runAsGroup": 0}, "pod/main: runAsGroup is 0"),
        ("pod context", {"seccompProfile": None}, "pod/main: seccomp profile is not set"),
        (
            "own",
            {"seccompProfile": {"type": "Unconfined"}},
            "pod/main: seccomp profile is Unconfined",
        ),
        ("pod context", {"fsGroup": 0}, "pod: fsGroup is 0"),
        ("pod context", {"supplementalGroups": [5, 0]}, "pod: supplementalGroups hold 0"),
        ("pod", {"volumes": [{"name": "v", "nfs": {"path": "/"}}]}, "pod: nfs v"),
        ("own", {"procMount": "Unmasked"}, "pod/main: procMount is Unmasked"),
        ("own", {"runAsNonRoot": False}, "pod/main: runAsNonRoot is not true"),
        ("own", {"readOnlyRootFilesystem": None}, "pod/main: readOnlyRootFilesystem is not true"),
        ("own", {"allowPrivilegeEscalation": None}, "pod/main: allowPrivilegeEscalation is not"),
        ("own", {"privileged": True}, "pod/main: privileged"),
        ("own", {"capabilities": {"drop": ["NET_RAW"]}}, "pod/main: capabilities are not dropped"),
        (
            "own",
            {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
            "pod/main: adds capabilities NET_BIND_SERVICE",
        ),
        ("container", {"ports": [{"hostPort": 80}]}, "pod/main: hostPort 80"),
    ],
)
def test_each_violation_is_named(where: str, fields: dict[str, Any], said: str) -> None:
    found = _of(_changed(where, **fields))
    assert len(found) == 1
    assert found[0].startswith(said)


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_every_kind_of_container_is_read(kind: str) -> None:
    spec = {**GOOD, kind: [{"name": "other"}]}
    assert "pod/other: capabilities are not dropped" in _of(spec)
