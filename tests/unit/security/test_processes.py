# SPDX-License-Identifier: Apache-2.0
"""What /proc says about the processes of a container."""

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.security.processes import parse

FIRST = """Name:\tpython
State:\tS (sleeping)
Uid:\t10001\t10001\t10001\t10001
Gid:\t10001\t10001\t10001\t10001
Groups:\t10001 10005\x20
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""
REFUSED = "sh: 1: cannot create /.mlflow-conformance: Read-only file system\n"


def test_processes_as_the_kernel_shows_them() -> None:
    other = FIRST.replace("python", "helper").replace("Gid:\t10001", "Gid:\t0")
    found = parse(FIRST + other.replace("10001 10005", "0 10005") + REFUSED)
    first, second = found.processes
    assert (first.name, first.uid, first.gid) == ("python", 10001, 10001)
    assert (first.seccomp, first.no_new_privileges) == (2, 1)
    assert first.effective == first.bounding == "0" * 16
    assert first.groups == {10001, 10005}
    assert (second.name, second.gid, second.groups) == ("helper", 0, frozenset({0, 10005}))
    assert found.root_write == "Read-only file system"
    assert parse(FIRST + "root: written\n").root_write == "written"


def test_a_process_that_has_ended_holds_nothing() -> None:
    ended = FIRST.replace("S (sleeping)", "Z (zombie)").replace("10001", "0")
    assert [p.uid for p in parse(FIRST + ended + REFUSED).processes] == [10001]


def test_a_process_may_be_in_no_other_group() -> None:
    assert parse(FIRST.replace("10001 10005", "") + REFUSED).processes[0].groups == set()


@pytest.mark.parametrize("said", ["", "Uid: x\n", FIRST.replace("Seccomp:", "Other:")])
def test_something_else_is_no_process(said: str) -> None:
    with pytest.raises(KubeFailed, match="/proc"):
        parse(said)
