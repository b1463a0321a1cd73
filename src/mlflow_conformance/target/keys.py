# SPDX-License-Identifier: Apache-2.0
"""What doors are opened with: Secrets of the cluster, and the environment of this command.

All of it is kept out of the evidence. A Secret that cannot be read closes one door, with the
reason; an account that everything needs ends the run.
"""

import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import LoginNames, Names
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.doors.account import VARIABLES, basic
from mlflow_conformance.evidence.log import EvidenceLog

_ENDING = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Keys:
    """The keys of one target.

    Attributes:
        missing: gets the reason by the name of each door that stays closed.
    """

    kube: Kube
    log: EvidenceLog
    missing: dict[str, str]

    def auditor(self, names: Names) -> Mapping[str, str]:
        """The entries of the auditor's Secret.

        The reason why a door stays closed is in `missing`: of each store by itself, for many a
        deployment has but one of them.
        """
        if names.auditor is None:
            self._close("the profile names no auditor Secret")
            return {}
        try:
            secret = self.kube.secret(names.auditor.secret)
        except LookupError as problem:
            self._close(str(problem))
            return {}
        of = names.auditor
        if names.postgresql is not None:
            self._open("sql", of.secret, secret, [of.sql_username], [of.sql_password])
        if names.s3 is not None:
            token = [of.s3_session_token] if of.s3_session_token else []
            self._open("s3", of.secret, secret, [of.s3_access_key], [of.s3_secret_key, *token])
        return secret

    def _open(
        self,
        door: str,
        name: str,
        secret: Mapping[str, str],
        known: Sequence[str],
        hidden: Sequence[str],
    ) -> None:
        """Keep the keys of a door out of the evidence, or close it."""
        if absent := [key for key in (*known, *hidden) if key not in secret]:
            self.missing[door] = f"the Secret {name} lacks {', '.join(absent)}"
            return
        for key in hidden:
            try:
                self.log.conceal(secret[key])
            except ValueError as problem:
                self.missing[door] = f"{key} of {name}: {problem}"

    def authority(self, name: str, door: str) -> str | None:
        """The certificate by which a door is known, PEM; None with the reason in `missing`."""
        try:
            return authority_in(self.kube, name)
        except LookupError as problem:
            self.missing[door] = str(problem)
            return None

    def identity(self, name: str, folder: Path) -> str | None:
        """The path of a file with a client's certificate and key; None with the reason."""
        try:
            secret = self.kube.secret(name)
            text = f"{secret['tls.key'].strip()}\n{secret['tls.crt'].strip()}\n"
        except LookupError as problem:
            why = f"the Secret {name} lacks {problem}" if isinstance(problem, KeyError) else problem
            self.missing["front"] = str(why)
            return None
        self._conceal(secret["tls.key"], f"tls.key of {name}")
        path = folder / "client.pem"
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)

    def headers(self, login: LoginNames | None) -> dict[str, str]:
        """The headers by which an account is told.

        Raises:
            Unusable: it cannot be had, or could not be kept out of the evidence.
        """
        if login is None:
            return {}
        if login.secret is None:
            found, where = dict(os.environ), "the environment"
            user, password, token = VARIABLES
        else:
            where = f"the Secret {login.secret}"
            try:
                found = self.kube.secret(login.secret)
            except LookupError as problem:
                raise Unusable(
                    f"The login of the profile cannot be had: {problem}",
                    remedy="Name a Secret that this account may read, or none and set "
                    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                    "MLFLOW_TRACKING_TOKEN",
                ) from problem
            user, password, token = login.username, login.password, login.token
        wanted = [token] if login.kind == "bearer" else [user, password]
        if absent := [key for key in wanted if not found.get(key)]:
            raise Unusable(
                f"The login of the profile needs {' and '.join(absent)}, which {where} lacks",
                remedy="Set them, or correct `login` in the profile",
            )
        if login.kind == "bearer":
            self._conceal(found[token], f"{token} of {where}")
            return {"Authorization": f"Bearer {found[token]}"}
        self._conceal(found[password], f"{password} of {where}")
        header = basic(found[user], found[password])
        self._conceal(header.removeprefix("Basic "), f"{password} of {where}")
        return {"Authorization": header}

    def _conceal(self, secret: str, what: str) -> None:
        try:
            self.log.conceal(secret)
        except ValueError as problem:
            raise Unusable(
                f"{what} could not be kept out of the reports: {problem}",
                remedy="Use an account with a longer one",
            ) from problem

    def _close(self, why: str) -> None:
        self.missing["sql"] = self.missing["s3"] = why


def authority_in(kube: Kube, name: str) -> str:
    """Whom a Secret lets clients trust, PEM.

    Raises:
        LookupError: it cannot be read, or holds no certificate.
    """
    secret = kube.secret(name)
    certificate = secret.get("ca.crt") or secret.get("tls.crt")
    # A server's own certificate is its own authority, or of one that everybody knows.
    known = "" if secret.get("ca.crt") else Path(certifi.where()).read_text(encoding="utf-8")
    if not certificate:
        raise LookupError(f"the Secret {name} has neither ca.crt nor tls.crt")
    try:
        ssl.PEM_cert_to_DER_cert(certificate[: certificate.index(_ENDING) + len(_ENDING)])
    except ValueError as problem:
        raise LookupError(f"the Secret {name} holds no certificate: {problem}") from problem
    return f"{certificate}\n{known}"
