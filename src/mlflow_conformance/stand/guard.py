# SPDX-License-Identifier: Apache-2.0
"""Proof that nothing leaves a cluster made here, before anything else runs in it.

A node has no gateway and no name server of its own, and CoreDNS forwards nothing. The proof is
an attempt from every node and from inside a pod: an address outside, an unused service address
and an unused pod address must all give "no route to host", which says that the packet died in the
node; a time-out would not say where it went. The outside addresses are reserved for documentation
(RFC 5737), so even without a guard nobody would be reached.
"""

import ipaddress
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.kind_cluster import KindCluster

OUTSIDE = ("192.0.2.1", "198.51.100.1", "203.0.113.1")
"""Documentation addresses, RFC 5737."""

FOREIGN_NAME = "example.com"
"""A name that exists wherever names are forwarded, RFC 2606."""

_SERVICES = ipaddress.ip_network("10.96.0.0/16")
_PODS = ipaddress.ip_network("10.244.0.0/16")
_API = "10.96.0.1"
_DNS = "10.96.0.10"
_PROBE_S = 60.0

# Arguments: kind of place (node or pod), then addresses. Prints one line for each observation.
_SCRIPT = r"""
set -u
export LC_ALL=C
place=$1; shift
inside() { "$@"; }
if [ "$place" = pod ]; then
  namespace=$(ls /run/netns/cni-* | head -n 1)
  inside() { nsenter --net="$namespace" "$@"; }
fi
for address in "$@"; do
  (
    said=$(inside timeout 20 bash -c "exec 3<>/dev/tcp/$address/443 && echo connected" 2>&1 |
      head -n 1)
    said=${said##*: }
    echo "tcp $address ${said:-no answer}"
  ) &
done
wait
look() {
  if [ "$place" = pod ]; then
    unshare --mount sh -c 'echo "nameserver $1" >/tmp/resolv.guard
      mount --bind /tmp/resolv.guard /etc/resolv.conf
      exec nsenter --net="$2" timeout 20 getent ahostsv4 "$3"' sh "$DNS" "$namespace" "$1"
  else
    timeout 20 getent ahostsv4 "$1"
  fi
}
for name in $NAMES; do
  found=$(look "$name" | awk '{print $1; exit}')
  echo "dns $name ${found:-none}"
done
"""


@dataclass(frozen=True)
class WayOut:
    """What one attempt to leave the cluster gave.

    Args:
        place: ``node NAME`` or ``a pod on NAME``.
        attempt: ``tcp ADDRESS`` or ``dns NAME``.
        result: ``connected``, ``no answer`` or the system's message; an address or ``none``.
    """

    place: str
    attempt: str
    result: str


def prove(cluster: KindCluster) -> tuple[WayOut, ...]:
    """Show that nothing leaves the cluster; returns what was observed.

    Raises:
        Unusable: something could leave, or a control that must work did not.
        CommandFailed: an attempt could not be made.
    """
    used = _addresses_in_use(cluster)
    service = _unused(_SERVICES, used)
    pod = _unused(_PODS, used)
    forbidden = (*OUTSIDE, service, pod)
    home = cluster.nodes[0]  # the control plane: DNS runs there from the first moment
    kubernetes = "kubernetes.default.svc.cluster.local"
    with ThreadPoolExecutor() as pool:  # each mostly waits for the kernel to give an address up
        looking = [
            pool.submit(_observe, node, "node", forbidden, (FOREIGN_NAME,))
            for node in cluster.nodes
        ]
        from_pod = (*forbidden, _API), (FOREIGN_NAME, kubernetes)
        looking.append(pool.submit(_observe, home, "pod", *from_pod))
        seen = [observation for each in looking for observation in each.result()]
    for observation in seen:
        judge(observation, allowed={f"tcp {_API}": "connected", f"dns {kubernetes}": _API})
    return tuple(seen)


def judge(observation: WayOut, *, allowed: dict[str, str]) -> None:
    """Refuse an observation that shows a way out, or a control that does not work.

    Args:
        allowed: the result that each control must have; every other attempt must fail.

    Raises:
        Unusable: as said.
    """
    if observation.attempt in allowed:
        expected, why = allowed[observation.attempt], "should work, so the guard proves nothing"
    elif observation.attempt.startswith("dns "):
        expected, why = "none", "names are asked for outside of the cluster"
    else:
        expected, why = "No route to host", "traffic may leave this machine"
    if observation.result != expected:
        raise Unusable(
            f"The network guard failed: {observation.attempt} from {observation.place} gave "
            f"{observation.result!r} instead of {expected!r}: {why}",
            remedy="Remove the cluster with `mlflow-conformance down` and run it again",
        )


def _observe(
    node: NodeContainer, place: str, addresses: Iterable[str], names: Iterable[str]
) -> list[WayOut]:
    settings = (f"DNS={_DNS}", f"NAMES={' '.join(names)}")
    done = node.exec(
        ["env", *settings, "bash", "-c", _SCRIPT, "guard", place, *addresses], timeout_s=_PROBE_S
    )
    where = f"node {node.name}" if place == "node" else f"a pod on {node.name}"
    found = []
    for line in done.stdout.splitlines():
        attempt, target, *result = line.split(" ", 2)
        found.append(WayOut(where, f"{attempt} {target}", "".join(result).strip()))
    return found


def _addresses_in_use(cluster: KindCluster) -> set[str]:
    services = json.loads(cluster.kubectl("get", "services", "-A", "-o", "json"))["items"]
    pods = json.loads(cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    used = {address for each in services for address in each["spec"].get("clusterIPs", [])}
    return used | {each["ip"] for pod in pods for each in pod["status"].get("podIPs", [])}


def _unused(network: ipaddress.IPv4Network | ipaddress.IPv6Network, used: set[str]) -> str:
    """The highest address of a network that nobody has."""
    number = network.num_addresses - 2
    while str(network[number]) in used:
        number -= 1
    return str(network[number])
