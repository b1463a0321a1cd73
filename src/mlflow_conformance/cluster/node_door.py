# SPDX-License-Identifier: Apache-2.0
"""The node door: commands in the nodes of a kind cluster on this machine.

A crash, a hang and a cut link are made beneath Kubernetes, where no API reaches. Nodes of a kind
cluster are containers here. A node is taken for one only when its container has both the node's
name and its address, so that a cluster elsewhere whose nodes have the same names is left alone.
"""

import json

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.view import NodeView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.shell import CommandFailed


def open_node(node: NodeView) -> NodeContainer:
    """The door to a node.

    Raises:
        Undecided: the node is no container of this machine.
    """
    refusal = f"no node door: {node.name} is no container of this machine"
    present = engines.present()
    if not present:
        raise Undecided(f"{refusal}, which has neither podman nor docker")
    others: set[str] = set()
    for engine in present:
        try:
            shown = engine.run("inspect", "--type=container", node.name).stdout
        except CommandFailed:
            continue
        about = json.loads(shown)[0]
        networks = about["NetworkSettings"]["Networks"]
        addresses = {network["IPAddress"] for network in networks.values()}
        if node.address in addresses:
            return NodeContainer.of(about, address=node.address, engine=engine)
        others |= addresses
    raise Undecided(
        f"{refusal}: the one of that name is at {sorted(others)}" if others else refusal
    )


def processes(node: NodeContainer, container_id: str) -> dict[int, str]:
    """State of a container's main process and its descendants, by number: ``R``, ``S``, ``T``, …

    What was executed in the container from outside, as a probe is, is none of its own. A process
    that ends while it is looked at is left out.

    Raises:
        CommandFailed: the node has no such running container.
    """
    task = task_of(container_id)
    script = (
        f"{main_process(task)}; "
        f"for p in $(ctr -n k8s.io task ps {task} | awk 'NR > 1 {{print $1}}'); do "
        'state=$(sed -n "s/^State:[[:space:]]*//p" /proc/$p/status 2>/dev/null); '
        'parent=$(sed -n "s/^PPid:[[:space:]]*//p" /proc/$p/status 2>/dev/null); '
        '[ -z "$state" ] || echo "$p ${parent:-0} ${state%% *}"; done'
    )
    return read_states(node.exec(["bash", "-c", script]).stdout)


def main_process(task: str) -> str:
    """A line of shell, for a node, that prints the number of a task's main process, if it runs."""
    return f"ctr -n k8s.io task ls | awk -v t={task} '$1 == t {{print $2}}'"


def read_states(said: str) -> dict[int, str]:
    """States of a main process and its descendants.

    Args:
        said: the main process's number, then lines of a number, its parent's and a state.
    """
    main, *lines = said.splitlines() or [""]
    parents, states = {}, {}
    for number, parent, state in (line.split() for line in lines):
        parents[int(number)], states[int(number)] = int(parent), state
    own = {int(main)} if main else set()
    while more := {n for n, parent in parents.items() if parent in own} - own:
        own |= more
    return {number: state for number, state in states.items() if number in own}


def task_of(container_id: str) -> str:
    """The container runtime's own name of a container.

    Raises:
        Undecided: it is not one of containerd's.
    """
    scheme, _, task = container_id.rpartition("://")
    if scheme not in ("", "containerd") or not task.isalnum():
        raise Undecided(f"{container_id!r} is no container of containerd")
    return task
