# SPDX-License-Identifier: Apache-2.0
"""SEC-5: encrypted traffic, and the certificates that it needs."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial

from mlflow_conformance.cluster.configmap_uses import mounted_by
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.cluster.templates import containers, templates
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import front_door
from mlflow_conformance.security.certificates import (
    certificates,
    days_left,
    days_trusted,
    names,
    names_missing,
    not_signed,
    plain_hosts,
    trusted,
)
from mlflow_conformance.security.connecting import is_one_of, told, weaker, weakest
from mlflow_conformance.security.signing_in import UNENCRYPTED, accounts, knocks
from mlflow_conformance.security.thresholds import Encrypted, Lasting, ShownCertificate
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.keys import authority_in

# The view leaves out what an account may not see, where current_setting() raises.
_LEAST = """
    SELECT (SELECT setting FROM pg_settings WHERE name = 'ssl_min_protocol_version')
"""
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
    evidence: Evidence, target: Target, kube: Kube, sql: Sql
) -> None:
    """Every connection to PostgreSQL is encrypted, it admits no other, and clients verify it.

    Preconditions: MLflow is connected to its database; SQL answers, by an account that may read
    statistics.
    Steps: read the TLS version of every session that came over the network, and the oldest one that
    the server takes; try to connect without TLS as every account of the database; read how MLflow's
    containers, and those of other pods and templates that have its server's address, are told to
    connect.
    Expected: only the profile's versions of TLS; without TLS every account is refused for that
    reason; all those containers verify the server.
    """
    row = evidence.row(Encrypted)
    versions: dict[str, int] = dict(sql.rows(_OF_MLFLOW))
    if not versions:
        evidence.undecided("nobody is connected to the database over the network, or the account "
                           "may not read statistics")  # fmt: skip
    evidence.note("sessions by version of TLS", versions, door="sql")
    least = sql.one(_LEAST)
    evidence.note("oldest version that the server takes", least, door="sql")
    evidence.expect(
        "tls.versions", "other versions than promised",
        sorted({*versions, *([least] if least else [])} - row.versions), "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "plain-text", "accounts that are not refused for lack of encryption",
        {
            account: answer
            for account, answer in knocks(
                sql, accounts(sql), secrets.token_urlsafe(24), sslmode="disable"
            ).items()
            if answer != UNENCRYPTED
        },
        "==", {}, door="inside",
    )  # fmt: skip
    modes = _modes(evidence, target, kube)
    evidence.note("sslmode of every client", modes, door="kubernetes")
    evidence.expect(
        "clients.sslmode", f"containers with less than sslmode={row.sslmode}",
        {where: mode for where, mode in modes.items() if weaker(mode, row.sslmode)}, "==", {},
        door="kubernetes",
    )  # fmt: skip
    if least is None:
        evidence.undecided(
            "this account may not see ssl_min_protocol_version, the oldest version of TLS that the "
            "server takes: grant it pg_read_all_settings"
        )


@check(
    "SEC-5.certificates",
    impact="On one day nobody reaches MLflow any more, or passwords pass in plain text.",
    remedy="Renew the certificate of the Secret named for all its names, and its authority too; "
    "name every host under `tls` of its Ingress.",
    writes=(),
)
def test_certificates_last(evidence: Evidence, target: Target, kube: Kube) -> None:
    """Certificates in use last for a while, are signed by their authority, and name their hosts.

    Preconditions: this user may read the Secrets of the namespace.
    Steps: read the certificates of every Secret that an Ingress, a pod or a template of pods uses,
    and the authorities of ConfigMaps that pods mount.
    Expected: none ends within the profile's days; one that lies beside its authority is signed by
    it; those of Ingresses name their hosts, and no Ingress leads to MLflow without one.
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
    authorities = trusted(kube.items("configmap"), [n for spec in specs for n in mounted_by(spec)])
    if not found and not authorities:
        evidence.undecided("no Secret and no ConfigMap that is in use holds a certificate")
    now = datetime.now(UTC)
    days = {**days_left(found, now), **days_trusted(authorities, now)}
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
    evidence.expect(
        "ingresses.plain", "hosts at which an Ingress leads to MLflow without a certificate",
        plain_hosts(ingresses, target.names.mlflow.service), "==", [], door="kubernetes",
    )  # fmt: skip


@check(
    "SEC-5.front",
    impact="Clients refuse MLflow's address, or cannot tell MLflow from somebody in between.",
    remedy="Give the front door a certificate for its host, by the authority that clients trust, "
    "renew it in time, and let it take the promised versions of TLS alone.",
    writes=(),
)
def test_the_front_door_shows_a_good_certificate(
    evidence: Evidence, target: Target, waiter: Waiter
) -> None:
    """The front door shows a certificate for its host that clients trust, and takes no old TLS.

    Preconditions: the profile names a front door by https.
    Steps: from this machine, take the certificate that it shows for its host, as a client that
    trusts the profile's authority for it, or those of the system; offer it every version of TLS
    alone.
    Expected: the certificate names the host, is trusted, and does not end within the profile's
    days; no other versions are taken than the profile's.
    """
    row, front = evidence.row(ShownCertificate), target.names.front
    if front is None:
        evidence.undecided("the profile names no front door")
    door = front_door.at(
        front.url, waiter.seconds("api reply"), target.front.client_file if target.front else None
    )
    # Not that of the door: one that is not trusted is closed, and this is about the reason.
    authority = authority_in(target.need_kube(), front.ca_secret) if front.ca_secret else None
    # Who stands in front may have been made anew a moment ago, and nothing here is about that.
    waiter.last_seen(
        "a front door that speaks TLS", door.answers, done=bool, timeout="door standing"
    )
    # First: with old versions alone this machine ends no handshake.
    taken = door.taken()
    evidence.note("versions of TLS that it takes", taken, door="front")
    evidence.expect(
        "front.versions", "versions of TLS that it takes besides the promised",
        sorted(set(taken) - row.versions), "==", [], door="front",
    )  # fmt: skip
    shown = door.certificate()
    evidence.note("whom it is about", shown.subject.rfc4514_string(), door="front")
    evidence.note("who signed it", shown.issuer.rfc4514_string(), door="front")
    evidence.expect(
        "front.names", "hosts of the front door that its certificate does not name",
        [] if names(shown, door.host) else [door.host], "==", [], door="front",
    )  # fmt: skip
    evidence.expect(
        "front.authority", "why clients do not trust its certificate",
        door.distrusted(authority), "==", "", door="front",
    )  # fmt: skip
    left = (shown.not_valid_after_utc - datetime.now(UTC)).days
    evidence.note("days left", left, unit="d", door="front")
    evidence.expect(
        "front.days", "days left of a certificate that is about to end",
        [left] if left < row.certificate_days else [], "==", [], unit="d", door="front",
    )  # fmt: skip


def _modes(evidence: Evidence, target: Target, kube: Kube) -> dict[str, str]:
    """How MLflow's containers, and all others with its server's address, are told to use TLS."""
    kept = cache(partial(_entries, kube))
    servers, modes = set[str](), dict[str, str]()
    for pod in kube.ready_pods(target.names.mlflow.selector):
        for container in containers(pod.raw["spec"]):
            try:
                own = [at for at in told(container, kept) if at.is_mlflows]
            except LookupError as problem:
                evidence.undecided(f"what MLflow's containers are told cannot be read: {problem}")
            if own:
                servers |= {at.host for at in own}
                modes[f"pod {pod.name}/{container['name']}"] = weakest(at.mode for at in own)
    if not modes:
        evidence.undecided("no container of MLflow is told the address of a database")
    pods = [(f"pod {p.name}", p.raw["spec"]) for p in kube.pods({})]
    for where, spec in [*pods, *templates(kube)]:
        for container in containers(spec):
            try:
                seen = [at.mode for at in told(container, kept) if is_one_of(at.host, servers)]
            except LookupError:
                continue  # without what it names a container does not start, and connects nowhere
            if seen:
                name = f"{where}/{container['name']}"
                modes[name] = weakest([*seen, *([modes[name]] if name in modes else [])])
    return modes


def _entries(kube: Kube, kind: str, name: str) -> Mapping[str, str]:
    if kind == "secret":
        return kube.secret(name)
    found = kube.find(kind, name)
    if found is None:
        raise LookupError(f"there is no {kind} {name}")
    data: Mapping[str, str] = found.get("data") or {}
    return data
