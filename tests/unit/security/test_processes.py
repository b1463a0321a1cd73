# SPDX-License-Identifier: Apache-2.0
"""What /proc says about the processes of a container."""

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.security.processes import parse

FIRST = """Name:\tpython
State:\tS (sleeping)
Pid:\t1
PPid:\t0
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
    other = other.replace("Pid:\t1", "Pid:\t7").replace("10001 10005", "0 10005")
    found = parse(FIRST + other, FIRST + other + REFUSED)
    first, second = found.processes
    assert (first.name, first.uid, first.gid) == ("python", 10001, 10001)
    assert (first.seccomp, first.no_new_privileges) == (2, 1)
    assert first.effective == first.bounding == "0" * 16
    assert first.groups == {10001, 10005}
    assert (second.name, second.gid, second.groups) == ("helper", 0, frozenset({0, 10005}))
    assert found.root_write == "Read-only file system"
    assert parse(FIRST, FIRST + "root: written\n").root_write == "written"


def test_a_process_that_has_ended_holds_nothing() -> None:
    ended = FIRST.replace("S (sleeping)", "Z (zombie)").replace("10001", "0")
    assert [p.uid for p in parse(FIRST, FIRST + ended + REFUSED).processes] == [10001]


def test_a_process_may_be_in_no_other_group() -> None:
    alone = FIRST.replace("10001 10005", "")
    assert parse(alone, alone + REFUSED).processes[0].groups == set()


def test_the_runtime_on_its_way_to_a_probe_runs_nothing_in_the_container() -> None:
    entering = FIRST.replace("Pid:\t1", "Pid:\t40").replace("10001", "0")
    probe = FIRST.replace("Pid:\t1", "Pid:\t40")
    for before, after in ((FIRST + entering, FIRST), (FIRST, FIRST + entering)):
        assert [p.uid for p in parse(before, after + REFUSED).processes] == [10001]
    found = parse(FIRST + entering, FIRST + probe + REFUSED)
    assert [(p.pid, p.uid) for p in found.processes] == [(1, 10001), (40, 10001)]


def test_what_entered_and_stays_root_and_what_was_started_inside_count() -> None:
    stays = FIRST.replace("Pid:\t1", "Pid:\t40").replace("10001", "0")
    assert min(p.uid for p in parse(FIRST + stays, FIRST + stays + REFUSED).processes) == 0
    short = stays.replace("PPid:\t0", "PPid:\t1")
    for before, after in ((FIRST + short, FIRST), (FIRST, FIRST + short)):
        assert min(p.uid for p in parse(before, after + REFUSED).processes) == 0


@pytest.mark.parametrize("said", ["", "Uid: x\n", FIRST.replace("Seccomp:", "Other:")])
def test_something_else_is_no_process(said: str) -> None:
    with pytest.raises(KubeFailed, match="/proc"):
        parse(said, said)
