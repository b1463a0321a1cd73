# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of the CPU time that a node has used."""

from pathlib import Path

import pytest

from mlflow_conformance.target.machine import counter_of, used_s


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n", 2.5),
        ("1057370011000\n", 1057.370011),
    ],
)
def test_both_versions_of_cgroups_are_read(said: str, seconds: float) -> None:
    assert used_s(said) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("said", "counter"),
    [
        (
            "0::/machine.slice/libpod-abc.scope/container\n",
            "machine.slice/libpod-abc.scope/cpu.stat",
        ),
        ("0::/system.slice/docker-abc.scope/init.scope", "system.slice/docker-abc.scope/cpu.stat"),
        (
            "4:cpu,cpuacct:/libpod_parent/libpod-abc/kubelet\n0::/libpod_parent/libpod-abc\n",
            "cpuacct/libpod_parent/libpod-abc/cpuacct.usage",
        ),
    ],
)
def test_the_cgroup_of_the_whole_container_is_found(
    said: str, counter: str, tmp_path: Path
) -> None:
    expected = tmp_path / counter
    expected.parent.mkdir(parents=True)
    expected.write_text("1")
    assert counter_of(said, "abc", tmp_path) == expected


@pytest.mark.parametrize("said", ["0::/init.scope\n", "0::/../../libpod-abc.scope\n"])
def test_a_cgroup_that_is_not_to_be_seen_from_here_is_none(said: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        counter_of(said, "abc", tmp_path)
