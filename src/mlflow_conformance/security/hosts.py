# SPDX-License-Identifier: Apache-2.0
"""Names by which MLflow may be asked, and names and web pages of others that look like them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit

ANSWERED = (200, 401)
"""What a name that is let in is answered: what was asked for, or that one must log in."""
REFUSED = 403


@dataclass(frozen=True)
class Page:
    """MLflow's pages as a browser sees them.

    Attributes:
        host: with its port, as in the ``Host`` header.
        origin: with its scheme, as in the ``Origin`` header.
    """

    host: str
    origin: str


def word(rng: Random) -> str:
    """A word that nobody has written into a list of names."""
    return f"c{rng.getrandbits(48):012x}"


def look_alikes(host: str, made_up: str) -> list[str]:
    """Names of somebody else that begin or end as a host does, with its port."""
    name, colon, port = host.partition(":")
    return [f"{made_up}-{host}", f"{made_up}{host}", f"{name}.{made_up}.example{colon}{port}"]


def foreign(hosts: Iterable[str], listed: Iterable[str], made_up: str) -> list[str]:
    """Hosts of others: those that are listed, strangers, and those that look like one's own."""
    found = [
        *listed,
        f"{made_up}.example",
        f"{made_up}.example:5000",
        "192.0.2.1",
        "192.0.2.1:5000",
    ]
    found += [alike for host in hosts for alike in look_alikes(host, made_up)]
    return list(dict.fromkeys(found))


def foreign_origins(pages: Iterable[Page], made_up: str) -> list[str]:
    """Origins of web pages of others; ``null`` is what a page in a sandbox sends."""
    found = [f"https://{made_up}.example", f"http://{made_up}.example", "null"]
    for page in pages:
        scheme, _, host = page.origin.partition("://")
        found += [f"{scheme}://{alike}" for alike in look_alikes(host, made_up)]
    return list(dict.fromkeys(found))


def pages(ingresses: Sequence[Mapping[str, Any]], service: str, front: str | None) -> list[Page]:
    """MLflow's pages at every host of the Ingresses that lead to its Service.

    Args:
        front: URL of the front door: pages are at its port as well as at their scheme's own, and
            by https where it is, although the certificate may be no Secret of the cluster. Where
            no Ingress names a host, as with a Gateway or a load balancer, pages are there alone.
    """
    url = urlsplit(front or "")
    port = f":{url.port}" if url.port else ""
    found: list[Page] = []
    for ingress in ingresses:
        encrypted = bool(ingress["spec"].get("tls")) or url.scheme == "https"
        scheme = "https" if encrypted else "http"
        for host in _hosts(ingress["spec"], service):
            found += [Page(name, f"{scheme}://{name}") for name in (host, f"{host}{port}")]
    if not found and url.netloc:
        found = [Page(url.netloc, f"{url.scheme}://{url.netloc}")]
    return list(dict.fromkeys(found))


def _hosts(spec: Mapping[str, Any], service: str) -> Iterator[str]:
    for rule in spec.get("rules") or []:
        paths = (rule.get("http") or {}).get("paths") or []
        backends = [(p["backend"].get("service") or {}).get("name") for p in paths]
        # A pattern is no name; which ones it stands for is not known.
        host = rule.get("host") or ""
        if service in backends and host and not host.startswith("*"):
            yield host
