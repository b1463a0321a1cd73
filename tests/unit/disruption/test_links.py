# SPDX-License-Identifier: Apache-2.0
"""The scripts that cut and mend links, run by a real shell over programs that only take notes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import processes
from mlflow_conformance.core import shell
from mlflow_conformance.disruption import links

PROGRAMS = {
    "ctr": 'case "$4" in ls) echo "TASK PID STATUS"; echo "abc 1 RUNNING";; '
    'ps) echo "PID INFO"; echo "1 -"; echo "999999999 -";; esac',
    "nsenter": 'shift; exec "$@"',
    # -I and -D change the file of rules; -S shows it; -nvxL shows it as a listing.
    "iptables": r"""shift 2
case "$1" in
  -I) chain=$2; shift 3; echo "-A $chain $*" >>"$RULES";;
  -D) shift; grep -vxF -- "-A $*" "$RULES" >"$RULES.new"; mv "$RULES.new" "$RULES";;
  -S) cat "$RULES";;
  -nvxL) sed 's#^\(.*\)--comment \([a-z-]*\).*#   3 180 DROP all \1 /* \2 */#' "$RULES";;
esac""",
}


@dataclass(frozen=True)
class _Here(NodeContainer):
    """A node whose commands run here."""

    folder: Path = Path()

    def exec(
        self, argv: Sequence[str], *, timeout_s: float = 10, check: bool = True
    ) -> shell.Completed:
        settings = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "RULES": str(self.folder / "rules"),
        }
        return shell.run(argv, timeout_s=timeout_s, env=settings, check=check)


@pytest.fixture
def node(tmp_path: Path) -> _Here:
    for name, script in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "rules").write_text("-A INPUT -s 10.9.9.9 -j DROP\n")
    return _Here("worker", "c", "10.1.0.1", "worker", engines.PODMAN, tmp_path)


def _rules(node: _Here) -> list[str]:
    return (node.folder / "rules").read_text().splitlines()


def test_cut_count_and_mend(node: _Here) -> None:
    links.cut(node, "containerd://abc", ["10.0.0.1", "10.0.0.2"])
    assert len(_rules(node)) == 5
    assert links.dropped(node, "abc") == 12
    assert links.mend(node, "abc") == 4
    assert _rules(node) == ["-A INPUT -s 10.9.9.9 -j DROP"]


def test_nothing_to_count_and_nothing_to_mend(node: _Here) -> None:
    assert links.dropped(node, "abc") == 0
    assert links.mend(node, "abc") == 0
    assert len(_rules(node)) == 1


def test_a_container_that_does_not_run(node: _Here) -> None:
    with pytest.raises(shell.CommandFailed, match="no running task"):
        links.cut(node, "def", ["10.0.0.1"])
    assert len(_rules(node)) == 1


def test_states_of_processes_and_none_of_one_that_is_gone(node: _Here) -> None:
    states = processes(node, "abc")
    assert len(states) == 1
    assert set(states.values()) <= {"S", "R", "D"}
