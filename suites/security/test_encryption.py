# SPDX-License-Identifier: Apache-2.0
"""SEC-5: encrypted traffic, and the certificates that it needs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.cluster.templates import containers, templates
from mlflow_conformance.doors.inside import Inside, InsideFailed
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security.certificates import (
    certificates,
    days_left,
    names_missing,
    not_signed,
)
from mlflow_conformance.security.connecting import Entries, ssl_mode, weaker
from mlflow_conformance.security.thresholds import Encrypted, Lasting
from mlflow_conformance.target.base import Target

_OF_MLFLOW = """
    SELECT coalesce(tls.version, 'none'), count(*)::int
    FROM pg_stat_activity AS session JOIN pg_stat_ssl AS tls USING (pid)
    WHERE session.datname = current_database() AND session.usename <> current_user
      AND session.client_addr IS NOT NULL
    GROUP BY 1
"""


@check(
    "SEC-5.postgresql",
    impact="Whoever can listen on the cluster's network reads what MLflow stores.",
    remedy="Set sslmode=verify-full and sslrootcert for every client, and admit only hostssl in "
    "pg_hba.conf.",
    writes=("runner",),
)
def test_connections_to_the_database_are_encrypted(
    evidence: Evidence, target: Target, kube: Kube, inside: Inside, sql: Sql
) -> None:
    """Every connection to PostgreSQL is encrypted, it admits no other, and clients verify it.

    Preconditions: MLflow is connected to its database; SQL answers, by an account that may read
    statistics.
    Steps: read the TLS version of every session that came over the network; try to connect
    without TLS; read how MLflow's containers are told to connect.
    Expected: only the profile's versions of TLS; a connection without TLS is refused for that
    reason; MLflow's containers verify the server.
    """
    row = evidence.row(Encrypted)
    versions: dict[str, int] = dict(sql.rows(_OF_MLFLOW))
    if not versions:
        evidence.undecided("nobody is connected to the database over the network, or the account "
                           "may not read statistics")  # fmt: skip
    evidence.note("sessions by version of TLS", versions, door="sql")
    evidence.expect(
        "tls.versions", "other versions than promised",
        sorted(set(versions) - row.versions), "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "plain-text", "connection without TLS", _plain_text(inside, sql),
        "==", "refused for lack of encryption", door="inside",
    )  # fmt: skip
    names = target.names.mlflow
    kept = cache(partial(_entries, kube))
    told = {
        f"{pod.name}/{container['name']}": mode
        for pod in kube.ready_pods(names.selector)
        for container in containers(pod.raw["spec"])
        if (mode := _mode(evidence, container, kept)) is not None
    }
    if not told:
        evidence.undecided("no container of MLflow is told the address of a database")
    evidence.expect(
        "clients.sslmode", f"containers with less than sslmode={row.sslmode}",
        {where: mode for where, mode in told.items() if weaker(mode, row.sslmode)}, "==", {},
        door="kubernetes",
    )  # fmt: skip


@check(
    "SEC-5.certificates",
    impact="On one day nobody reaches MLflow any more, or MLflow not its database.",
    remedy="Renew the certificate of the Secret named for all its names, and its authority too.",
    writes=(),
)
def test_certificates_last(evidence: Evidence, kube: Kube) -> None:
    """Certificates in use last for a while, are signed by their authority, and name their hosts.

    Preconditions: this user may read the Secrets of the namespace.
    Steps: read the certificates of every Secret that an Ingress, a pod or a template of pods uses.
    Expected: none ends within the profile's days; one that lies beside its authority is signed by
    it; those of Ingresses name their hosts.
    """
    row = evidence.row(Lasting)
    ingresses = kube.items("ingress")
    specs = [*(p.raw["spec"] for p in kube.pods({})), *(spec for _, spec in templates(kube))]
    used = {use.secret for spec in specs for use in uses_of(spec)}
    used |= {
        entry["secretName"]
        for ingress in ingresses
        for entry in ingress["spec"].get("tls") or []
        if entry.get("secretName")
    }
    found = certificates(kube.items("secret"), used)
    if not found:
        evidence.undecided("no Secret that is in use holds a certificate")
    days = days_left(found, datetime.now(UTC))
    evidence.note("days left", days, unit="d", door="kubernetes")
    evidence.expect(
        "certificates.days", "certificates that are about to end",
        {where: left for where, left in days.items() if left < row.certificate_days}, "==", {},
        unit="d", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "certificates.authority", "certificates that the authority beside them did not sign",
        not_signed(found), "==", [], door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "certificates.names", "hosts of Ingresses that their certificate does not name",
        names_missing(found, ingresses), "==", {}, door="kubernetes",
    )  # fmt: skip


def _plain_text(inside: Inside, sql: Sql) -> str:
    """What becomes of a connection that does not ask for TLS."""
    try:
        inside.call("sql", dsn={**sql.dsn, "sslmode": "disable"}, query="SELECT 1", parameters=[])
    except InsideFailed as refusal:
        # As PostgreSQL words it: no pg_hba.conf entry for host …, no encryption.
        if "no encryption" in str(refusal):
            return "refused for lack of encryption"
        raise
    return "admitted"


def _mode(evidence: Evidence, container: Mapping[str, Any], entries: Entries) -> str | None:
    """How a container with a database address is told to use TLS; None without one."""
    try:
        return ssl_mode(container, entries)
    except LookupError as problem:
        evidence.undecided(f"what MLflow's containers are told cannot be read: {problem}")


def _entries(kube: Kube, kind: str, name: str) -> Mapping[str, str]:
    if kind == "secret":
        return kube.secret(name)
    data: Mapping[str, str] = kube.get(kind, name).get("data") or {}
    return data
