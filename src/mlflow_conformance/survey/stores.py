# SPDX-License-Identifier: Apache-2.0
"""Where MLflow's database and artifacts are, as the server itself is told."""

from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.names import SslMode
from mlflow_conformance.survey.command import Value
from mlflow_conformance.survey.found import Blank, Survey
from mlflow_conformance.survey.server import Server

_OF_POSTGRESQL = ("DIS-4", "DIS-4.deletion", "DIS-4.hang", "DIS-6", "DIS-10", "OBS-6")
_OF_STORE = ("ART-6", "DIS-5", "DIS-6.s3")
_OF_SERVED = ("ART", "REG-3", "REG-4", "REG-5", "TRK-8", "TRK-10", "LAT-1.others", "DIS-2", "DIS-3",
              "DIS-3.deletion", "DIS-3.hang", "DIS-4", "DIS-4.deletion", "DIS-4.hang", "DIS-5",
              "DIS-6", "DIS-6.s3", "DIS-7", "DIS-8", "DIS-8.broken", "DIS-8.update",
              "DIS-11")  # fmt: skip
"""What stores artifacts by way of MLflow: faults do so all the while."""
_ENDPOINTS = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_DEFAULT_REGION = "us-east-1"
_POSTGRESQL = 5432
_MODES: tuple[str, ...] = get_args(SslMode)


@dataclass(frozen=True)
class Whereabouts:
    """A host, and the Service of the namespace that it is, if it is one.

    Attributes:
        pods: the labels that this Service selects by.
    """

    host: str
    service: str | None
    pods: dict[str, str]


def place_of(bundle: Bundle, host: str) -> Whereabouts:
    """What a host name is inside of the cluster."""
    name, _, rest = host.partition(".")
    within = rest.removesuffix(".cluster.local").removesuffix(".svc")
    if within in ("", bundle.namespace):
        service = bundle.named("Service", name)
        if service is not None:
            return Whereabouts(host, name, dict(service["spec"].get("selector") or {}))
    return Whereabouts(host, None, {})


def find_database(bundle: Bundle, server: Server, found: Survey) -> None:
    """The database, into `names.postgresql`."""
    uri = server.option("backend-store-uri")
    if uri is None and server.told:
        _no_postgresql(found, "MLflow keeps its records in files or SQLite of its own pod", "")
        return
    source = (uri.source if uri else "the image's own command") or "its command line"
    if uri is None or uri.text is None or "://" not in uri.text:
        found.gaps.append(
            Blank(
                "postgresql",
                "postgresql: {host: HOST, database: mlflow}",
                f"the address of the database; {source} could not be read",
                ("sql",),
            )
        )
        return
    scheme = uri.text.partition("://")[0].partition("+")[0]
    if scheme not in ("postgresql", "postgres"):
        _no_postgresql(found, f"its database is {scheme}, not PostgreSQL", source)
        return
    _postgresql(bundle, server, found, uri.text, source)


def _postgresql(bundle: Bundle, server: Server, found: Survey, uri: str, source: str) -> None:
    parts = urlsplit(uri)
    query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
    host = _host(parts.netloc) or query.get("host") or _text(server.variable("PGHOST"))
    if not host or "$" in host:
        line = "postgresql: {host: HOST, database: mlflow}"
        why = f"the address of the database; {source} leaves it to {host or 'PGHOST'}"
        found.gaps.append(Blank("postgresql", line, why, ("sql",)))
        return
    place = place_of(bundle, host)
    names: dict[str, Any] = {"service": place.service} if place.service else {"host": host}
    port = _port(parts.netloc) or _text(server.variable("PGPORT")) or query.get("port")
    if port and port.isdigit() and int(port) != _POSTGRESQL:
        names["port"] = int(port)
    database = unquote(parts.path.strip("/")) or _text(server.variable("PGDATABASE"))
    if database and "$" not in database and database != "mlflow":
        names["database"] = database
    mode = query.get("sslmode") or _text(server.variable("PGSSLMODE"))
    authority = query.get("sslrootcert") or _text(server.variable("PGSSLROOTCERT")) or ""
    secret = server.secret_at(authority)
    if mode in _MODES and (secret or not mode.startswith("verify")):
        names["sslmode"] = mode
        if secret:
            names["ca_secret"] = secret
    elif mode in _MODES:
        names["sslmode"] = "require"
        found.gaps.append(
            Blank(
                "postgresql",
                "  ca_secret: SECRET",
                "the authority of the database's certificate, which is in no Secret of the server; "
                f"with it sslmode may be {mode}, as the server's own is",
            )
        )
    if place.pods:
        names["selector"] = place.pods
    found.names["postgresql"] = names
    where = f"Service {place.service}" if place.service else f"{host}, outside of the namespace"
    found.decide(f"PostgreSQL: {where}", f"the server's own address of its database ({source})")
    if not place.pods:
        found.lacks("PostgreSQL is not in the namespace of MLflow", _OF_POSTGRESQL)
    elif metrics := _metrics_port(bundle, place):
        names["metrics_port"] = metrics
    else:
        found.lacks("no port of PostgreSQL's Service is called metrics", ["OBS-6"])


def _metrics_port(bundle: Bundle, place: Whereabouts) -> int | None:
    service = bundle.named("Service", place.service or "")
    for port in service["spec"].get("ports") or [] if service else []:
        if "metrics" in str(port.get("name", "")):
            return int(port["port"])
    return None


def _no_postgresql(found: Survey, reason: str, source: str) -> None:
    found.decide("PostgreSQL: none", f"{reason}{f' ({source})' if source else ''}")
    found.closed["sql"] = reason
    found.lacks(reason, [*_OF_POSTGRESQL, "BKP"])


def find_bucket(bundle: Bundle, server: Server, found: Survey) -> None:
    """The bucket of the artifacts, into `names.s3`."""
    proxied = server.option("artifacts-destination")
    root = proxied or server.option("default-artifact-root")
    if root is None and server.told:
        _no_bucket(found, "MLflow keeps artifacts in its own pod")
        _expect_served(server, found)
        return
    source = (root.source if root else "the image's own command") or "its command line"
    uri = (root.text if root else None) or ""
    if not uri or "$" in uri:
        line = 's3: {endpoint: "https://HOST", bucket: BUCKET, prefix: PREFIX/}'
        found.gaps.append(Blank("s3", line, f"the bucket; {source} could not be read", ("bucket",)))
        return
    if not uri.startswith("s3://"):
        where = f"at {uri.partition('://')[0]}" if "://" in uri else "in files of its own pod"
        _no_bucket(found, f"artifacts are {where}, not in a bucket of S3")
        _expect_served(server, found)
        return
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    region = _text(server.variable(*_REGIONS))
    endpoint = server.variable(*_ENDPOINTS)
    url = _text(endpoint) or f"https://s3.{region or _DEFAULT_REGION}.amazonaws.com"
    place = place_of(bundle, urlsplit(url).hostname or "")
    names: dict[str, Any] = {"endpoint": _as_seen(url, place, bundle.namespace), "bucket": bucket}
    if prefix.strip("/"):
        names["prefix"] = prefix.strip("/") + "/"
    if region and region != _DEFAULT_REGION:
        names["region"] = region
    if place.pods:
        names["selector"] = place.pods
    found.names["s3"] = names
    where = f"Service {place.service}" if place.service else url
    told = endpoint.source or "its environment" if endpoint else "no other endpoint is set"
    found.decide(f"bucket: {bucket} at {where}", f"{source}; {told}")
    if not place.pods:
        found.lacks("the object store is not in the namespace of MLflow", _OF_STORE)
    authority = server.variable("AWS_CA_BUNDLE", "MLFLOW_S3_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    if secret := server.secret_at(_text(authority) or ""):
        names["ca_secret"] = secret
    elif url.startswith("https:") and place.service:
        found.gaps.append(
            Blank("s3", "  ca_secret: SECRET", "Secret with the authority of its certificate")
        )
    _expect_served(server, found)


def _expect_served(server: Server, found: Survey) -> None:
    if not _serves(server):
        reason = (
            "clients use the store of artifacts themselves (--default-artifact-root), not MLflow"
        )
        found.lacks(reason, _OF_SERVED)


def _serves(server: Server) -> bool:
    """Whether clients are told to store artifacts by way of MLflow."""
    root = server.option("default-artifact-root")
    direct = root is not None and not (root.text or "").startswith("mlflow-artifacts:")
    return not direct and "no-serve-artifacts" not in server.options


def _no_bucket(found: Survey, reason: str) -> None:
    found.decide("bucket: none", reason)
    found.closed["bucket"] = reason
    found.lacks(reason, _OF_STORE)


def _as_seen(url: str, place: Whereabouts, namespace: str) -> str:
    """An endpoint as the runner reaches it, whose namespace is another."""
    if place.service is None or place.host != place.service:
        return url
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{place.service}.{namespace}.svc{port}"


def _text(value: Value | None) -> str | None:
    return value.text if value else None


def _host(netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _port(netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    return host.rpartition("]")[2].partition(":")[2]
