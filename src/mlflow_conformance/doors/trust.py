# SPDX-License-Identifier: Apache-2.0
"""How this process knows the pods of MLflow when they have a certificate of their own.

A pod is called by its address, which its certificate does not name, so that the name to expect is
kept beside the authority.
"""

import ipaddress
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Trust:
    """Whom to trust.

    Attributes:
        ca_file: certificates of authorities, or of servers themselves, PEM.
        name: that a server's certificate must have where it is called by its address, or by the
            host of `called`.
        called: other hosts that are expected to be of that name.
    """

    ca_file: str
    name: str
    called: tuple[str, ...] = ()

    def name_of(self, host: str) -> str:
        """The name that the certificate of a host must have."""
        return self.name if host in self.called or _is_address(host) else host


class _Known:
    """What this process was told, once and for all requests that name no authority themselves."""

    trust: Trust | None = None


def learn(trust: Trust | None) -> None:
    """From now on requests of this process that name no authority trust this one."""
    _Known.trust = trust


def known(url: str, ca_file: str | None = None) -> tuple[str | None, str]:
    """The authority for a URL, None for the system's, and the name to expect there."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""  # whoever sends to it says that it is no URL
    trust = _Known.trust
    if ca_file or trust is None:
        return ca_file, host
    return trust.ca_file, trust.name_of(host)


def context(
    url: str, ca_file: str | None, client_file: str | None = None
) -> tuple[ssl.SSLContext, str]:
    """What a socket is secured with, and the name to expect at the other end."""
    authority, name = known(url, ca_file)
    made = ssl.create_default_context(cafile=authority)
    if client_file:
        made.load_cert_chain(client_file)
    return made, name


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
