# SPDX-License-Identifier: Apache-2.0
"""A kind cluster of our own: made, found again, and removed without a trace."""

import errno
import hashlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.engine import NETWORK
from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.config.assets import asset
from mlflow_conformance.config.yaml_text import parse
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import guard, images, pytest_kind, removal
from mlflow_conformance.stand.claim import NAME, Claim, recorded_digest
from mlflow_conformance.stand.images.steps import remove_tree
from mlflow_conformance.stand.kind_cluster import API_S, KindCluster, nodes_of

_CREATE_S = 300.0
_READY_S = 180.0


@dataclass(frozen=True)
class Options:
    """What a cluster may be asked to be.

    Args:
        name: of the cluster; also of its folder in the state root.
        front_port: TCP port of the host's loopback that leads to the ingress.
    """

    name: str = NAME
    front_port: int = 15443


def up(
    held: Claim, options: Options, built: images.Built, tell: Callable[[str], None]
) -> KindCluster:
    """Have a healthy cluster: the one that is up if it is the same, a new one otherwise.

    What a killed run left under this name is removed first. A cluster is returned only after
    `guard.prove` has shown that nothing can leave it.

    Raises:
        Unusable: the port is taken, a foreign cluster has the name, it could not be made or did
            not become ready in time, or the network guard does not hold.
    """
    if held.name != options.name:
        raise ValueError(f"the claim is on {held.name}, not on {options.name}")
    config = cluster_config(options.front_port)
    digest = hashlib.sha256(f"{built.node_image}\n{config}".encode()).hexdigest()[:12]
    found = nodes_of(options.name)
    kubeconfig = held.folder / "kubeconfig"
    if found and recorded_digest(held.folder) == digest:
        cluster = _describe(options, built, kubeconfig, found, reused=True)
        problem = _unwell(cluster)
        if problem is None:
            tell(f"cluster {options.name} is up already")
            guard.prove(cluster)
            return cluster
        tell(f"cluster {options.name} is not well ({problem}); making it again")
    elif found:
        tell(f"cluster {options.name} is another one or only half made; making it again")
    removal.remove(held)
    require_free_port(options.front_port)
    _ensure_network()
    config_file = held.folder / "cluster.yaml"
    config_file.write_text(config, encoding="utf-8")
    engine = engines.chosen()
    (held.folder / removal.ENGINE).write_text(engine.program, encoding="utf-8")
    started = time.monotonic()
    try:
        pytest_kind.create(
            pytest_kind.KindRequest(
                name=held.name,
                image=built.node_image,
                kubeconfig=str(kubeconfig),
                kind=str(built.tools.kind),
                kubectl=str(built.tools.kubectl),
                config=str(config_file),
            ),
            folder=held.folder,
            env=engine.environment(),
            timeout_s=_CREATE_S,
        )
        cluster = _describe(options, built, kubeconfig, nodes_of(options.name), reused=False)
        _wait_ready(cluster)
    except shell.CommandFailed as error:
        why = error.completed.tail.splitlines()
        removal.remove(held)
        raise Unusable(
            f"The cluster {options.name} could not be made: {' / '.join(why[-4:]) or error}",
            remedy="Run `mlflow-conformance host` and mend what it finds, then run it again",
        ) from error
    except BaseException:
        removal.remove(held)
        raise
    guard.prove(cluster)
    record = held.folder / "cluster.json"
    part = record.with_name(".cluster.json.part")
    part.write_text(json.dumps({"digest": digest, "image": built.node_image}), encoding="utf-8")
    part.replace(record)
    tell(f"cluster {options.name} is up after {time.monotonic() - started:.0f} s")
    return cluster


def found(held: Claim, options: Options) -> KindCluster:
    """The cluster that is up, as it is; nothing is made or proven.

    Raises:
        Unusable: there is none.
    """
    nodes = nodes_of(held.name)
    if not nodes:
        raise Unusable(f"There is no cluster {held.name}", remedy="Leave --prepared out")
    return KindCluster(
        name=held.name,
        kubeconfig=held.folder / "kubeconfig",
        nodes=nodes,
        front_port=options.front_port,
        node_image="",
        images_mode="",
        tools=images.tools(),
        reused=True,
    )


def running(name: str = NAME) -> bool:
    """Whether every container of a cluster of ours runs.

    Raises:
        Unusable: a foreign cluster has the name.
    """
    nodes = {node.container for node in nodes_of(name)}
    states = {each.id: each.state for each in engines.chosen().containers()}
    return bool(nodes) and all(states.get(node) == "running" for node in nodes)


def down(held: Claim, *, purge: bool = False) -> None:
    """Remove the claimed cluster and all that belongs to it; with `purge` also what was built.

    Raises:
        Unusable: a foreign cluster has the name.
    """
    engine = engines.chosen()
    if engine not in engines.present():  # then it never made a cluster here
        remove_tree(held.folder)
        return
    removal.remove(held)
    remove_tree(held.folder)
    if not engine.containers("--filter", f"network={NETWORK}"):
        engine.remove_network(NETWORK)
    if purge:
        images.purge()
        engine.forget()


def cluster_config(front_port: int) -> str:
    """kind's configuration of a cluster whose front door is at a port of the loopback."""
    config = _template()
    config["nodes"][0]["extraPortMappings"][0]["hostPort"] = front_port
    return yaml.safe_dump(config, sort_keys=True)


def _template() -> dict[str, Any]:
    config: dict[str, Any] = parse(asset("deployment/kind/cluster.yaml").read_bytes()).data
    return config


def require_free_port(port: int) -> None:
    """Make sure that a port of the loopback is free.

    Raises:
        Unusable: it is in use, or may not be used.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            state = "in use" if error.errno == errno.EADDRINUSE else "not to be had"
            raise Unusable(
                f"The port {port} of 127.0.0.1 is {state}",
                remedy="Free it, or change the port of names.front.url in the profile",
            ) from error


def _describe(
    options: Options,
    built: images.Built,
    kubeconfig: Path,
    nodes: tuple[NodeContainer, ...],
    *,
    reused: bool,
) -> KindCluster:
    return KindCluster(
        name=options.name,
        kubeconfig=kubeconfig,
        nodes=nodes,
        front_port=options.front_port,
        node_image=built.node_image,
        images_mode=built.mode,
        tools=built.tools,
        reused=reused,
    )


def _unwell(cluster: KindCluster) -> str | None:
    """Why a cluster that exists cannot be used again, if so."""
    expected = len(_template()["nodes"])
    if len(cluster.nodes) != expected:
        return f"{len(cluster.nodes)} of {expected} nodes"
    listed_nodes = engines.chosen().containers("--filter", f"network={NETWORK}")
    states = {each.id: each.state for each in listed_nodes}
    stopped = [node.name for node in cluster.nodes if states.get(node.container) != "running"]
    if stopped:
        return f"{', '.join(stopped)} not running"
    try:
        listed = json.loads(cluster.kubectl("get", "nodes", "-o", "json", "--request-timeout=10s"))
    except shell.CommandFailed as error:
        return error.completed.tail or "its API does not answer"
    for node in listed["items"]:
        if node["spec"].get("unschedulable"):
            return f"{node['metadata']['name']} cordoned"
        if not holds(node, "Ready"):
            return f"{node['metadata']['name']} not Ready"
    return None


def _wait_ready(cluster: KindCluster) -> None:
    """Wait until everything that a new cluster applies by itself is ready."""
    limit = f"--timeout={_READY_S:.0f}s"
    ready_s = _READY_S + API_S
    cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", limit, timeout_s=ready_s)
    for daemons in ("kube-proxy", "cilium"):
        cluster.kubectl(
            *("--namespace=kube-system", "rollout", "status", f"daemonset/{daemons}", limit),
            timeout_s=ready_s,
        )
    cluster.kubectl(
        *("wait", "--for=condition=Available", "deployment", "--all", "--all-namespaces", limit),
        timeout_s=ready_s,
    )
    cluster.kubectl(
        *("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", limit),
        timeout_s=ready_s,
    )


def _ensure_network() -> None:
    engine = engines.chosen()
    if not engine.network_exists(NETWORK):
        engine.run("network", "create", "--label", f"{NAME}.owner=cluster", NETWORK)
