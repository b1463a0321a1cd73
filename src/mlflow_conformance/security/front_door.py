# SPDX-License-Identifier: Apache-2.0
"""What a front door shows before anybody has sent a request: a certificate, and versions of TLS."""

import socket
import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509

from mlflow_conformance.core.errors import Undecided

VERSIONS: Mapping[str, ssl.TLSVersion] = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""Those that a server may take, by the names that OpenSSL has for them."""
# RFC 8446, sections 4.1.3 and 5.1: a server goes on with a record of a handshake, its hello, with
# the version that it takes, which for TLS 1.3 is that of 1.2; it refuses with an alert.
_HANDSHAKE, _HELLO, _HELLO_AT, _VERSION_AT = 0x16, 0x02, 5, slice(9, 11)
_SAID = {
    ssl.TLSVersion.TLSv1: b"\x03\x01",
    ssl.TLSVersion.TLSv1_1: b"\x03\x02",
    ssl.TLSVersion.TLSv1_2: b"\x03\x03",
    ssl.TLSVersion.TLSv1_3: b"\x03\x03",
}


@dataclass(frozen=True)
class Handshakes:
    """Where people reach MLflow by TLS, as this machine does.

    Attributes:
        host: as the URL has it, which the certificate must name.
        timeout_s: for connecting, and again for each answer.
        client_file: certificate and key by which this suite is known to it, PEM; or None.
    """

    host: str
    port: int
    timeout_s: float
    client_file: str | None = None

    def certificate(self) -> x509.Certificate:
        """The one that it shows for its host, whoever signed it.

        Raises:
            Undecided: no handshake came to its end.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            shown = self._greeted(context)
        except OSError as problem:
            raise self._silent(problem) from problem
        return x509.load_der_x509_certificate(shown)

    def distrusted(self, authority: str | None) -> str:
        """Why a client does not trust what it shows, whatever its name; empty when it does.

        Args:
            authority: certificates that the client trusts, PEM; None for those of the system.

        Raises:
            Undecided: no handshake came as far as that.
        """
        # Comments between certificates may have characters that Python's `ssl` takes no text with.
        known = authority and authority.encode("ascii", "ignore").decode()
        context = ssl.create_default_context(cadata=known)
        context.check_hostname = False
        try:
            self._greeted(context)
        except ssl.SSLCertVerificationError as problem:
            return str(problem.verify_message)
        except OSError as problem:
            raise self._silent(problem) from problem
        return ""

    def answers(self) -> bool:
        """Whether it goes on with any version of TLS."""
        try:
            return any(self._goes_on(name, version) for name, version in VERSIONS.items())
        except Undecided:
            return False

    def taken(self) -> list[str]:
        """The versions of TLS with which it goes on when it is offered each of them alone.

        Raises:
            Undecided: this machine cannot offer one of them, or nothing listens there.
        """
        return [name for name, version in VERSIONS.items() if self._goes_on(name, version)]

    def _greeted(self, context: ssl.SSLContext) -> bytes:
        if self.client_file:
            context.load_cert_chain(self.client_file)
        with (
            socket.create_connection((self.host, self.port), self.timeout_s) as connection,
            context.wrap_socket(connection, server_hostname=self.host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def _goes_on(self, name: str, version: ssl.TLSVersion) -> bool:
        hello = _hello(self.host, name, version)
        try:
            connection = socket.create_connection((self.host, self.port), self.timeout_s)
        except OSError as problem:
            raise self._silent(problem) from problem
        with connection, connection.makefile("rb") as said:
            try:
                connection.sendall(hello)
                first = said.read(_VERSION_AT.stop)
            except OSError:
                return False  # it hung up, or has nothing to say to that
        # Who is offered TLS 1.2 may answer with an older one.
        return (
            len(first) == _VERSION_AT.stop
            and (first[0], first[_HELLO_AT]) == (_HANDSHAKE, _HELLO)
            and first[_VERSION_AT] == _SAID[version]
        )

    def _silent(self, problem: OSError) -> Undecided:
        return Undecided(f"{self.host}:{self.port} ends no TLS handshake: {problem}")


def at(url: str, timeout_s: float, client_file: str | None = None) -> Handshakes:
    """The front door of a URL.

    Raises:
        Undecided: it is not one of https.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Undecided(
            f"the front door {url} is not by https: name the one that people use, or leave this "
            "check out with the reason"
        )
    return Handshakes(parts.hostname, parts.port or 443, timeout_s, client_file)


def _hello(host: str, name: str, version: ssl.TLSVersion) -> bytes:
    """What a client says first that speaks one version alone.

    What comes after it is not looked at, so that nothing depends on which signatures this machine's
    OpenSSL still takes.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sent = ssl.MemoryBIO()
    try:
        # At its own level of security OpenSSL 3 offers nothing older than TLS 1.2.
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=host).do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    except (ssl.SSLError, ValueError) as problem:
        raise Undecided(
            f"this machine cannot offer {name}, so whether the front door takes it is not known: "
            f"{problem}"
        ) from problem
    raise AssertionError("a handshake ended before anybody answered")
