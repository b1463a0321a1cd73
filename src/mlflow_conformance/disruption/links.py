# SPDX-License-Identifier: Apache-2.0
"""Links between pods, cut by packet filters in the network namespace of one of them.

A NetworkPolicy cannot take away what another one allows, and with some CNIs packets between pods
of one node never pass the filters of that node. The namespace of the pod itself every packet
passes, whatever the CNI, and the rules end with the pod. Both directions are dropped without an
answer, as a broken network does, and the rules' own counters show that they dropped something.
"""

from collections.abc import Sequence

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import main_process, task_of

MARK = "mlflow-conformance"
"""The comment by which our rules are known, and nobody else's removed."""

_ENTER = (
    "pid=$({main}); "
    '[ -n "$pid" ] || {{ echo "no running task {task}" >&2; exit 1; }}; '
    'inside() {{ nsenter --net=/proc/$pid/ns/net "$@"; }}; '
)


def cut(node: NodeContainer, container_id: str, peers: Sequence[str]) -> None:
    """Drop every packet between a container's pod and these addresses.

    Raises:
        CommandFailed: the container does not run, or the rules were refused.
    """
    rules = [
        f"inside iptables -w 5 -I {chain} 1 {side} {peer} -m comment --comment {MARK} -j DROP"
        for peer in peers
        for chain, side in (("INPUT", "-s"), ("OUTPUT", "-d"))
    ]
    _run(node, container_id, " && ".join(rules))


def dropped(node: NodeContainer, container_id: str) -> int:
    """Packets that our rules have dropped until now; 0 when there are no rules.

    Raises:
        CommandFailed: the container does not run.
    """
    said = _run(node, container_id, f"inside iptables -w 5 -nvxL | grep -F '/* {MARK} */' || true")
    return count(said)


def count(listing: str) -> int:
    """The packets of an ``iptables -nvxL`` listing, all lines together."""
    return sum(int(line.split()[0]) for line in listing.splitlines() if line.strip())


def mend(node: NodeContainer, container_id: str) -> int:
    """Remove our rules; returns how many there were.

    Raises:
        CommandFailed: the container does not run, or a rule could not be removed.
    """
    said = _run(
        node,
        container_id,
        # grep ends with 1 when there is nothing to remove.
        f"inside iptables -w 5 -S | {{ grep -F -- '--comment {MARK}' || true; }} | "
        "sed 's/^-A/-D/' | "
        "while read -r rule; do inside iptables -w 5 $rule || exit 1; echo removed; done",
    )
    return said.count("removed")


def _run(node: NodeContainer, container_id: str, script: str) -> str:
    task = task_of(container_id)
    enter = _ENTER.format(task=task, main=main_process(task))
    return node.exec(["bash", "-c", f"set -o pipefail; {enter}{script}"]).stdout
