# SPDX-License-Identifier: Apache-2.0
"""How MLflow is reached: its Service and ports, certificate, login, names and ingress."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.survey.found import Blank, Survey
from mlflow_conformance.survey.server import Server

_DEFAULT_CONTAINER, _DEFAULT_PORT = "mlflow", 5000
_OF_TLS = ("SEC-5.front",)
_CHECKS_HOSTS = (3, 5, 0)
"""The first version of MLflow that refuses hosts that it does not know."""
_PERMITS = (3, 15, 0)
"""A version of MLflow that gives permissions by the calls that SEC-4 sends; 2.22 does not."""


def find_server(bundle: Bundle, server: Server, found: Survey) -> None:
    """The workload, its Service and its ports, into `names.mlflow`.

    Raises:
        Unusable: no Service leads to its pods, or Services may not be read.
    """
    service = _service(bundle, server)
    spec = service["spec"]
    port, of_service = _ports(spec, server)
    names: dict[str, Any] = {"deployment": server.name}
    if server.kind != "deployment":
        names["kind"] = server.kind
    names["service"] = service["metadata"]["name"]
    if port != _DEFAULT_PORT:
        names["port"] = port
    if of_service != port:
        names["service_port"] = of_service
    names["selector"] = dict(server.selector or spec["selector"])
    if server.container != _DEFAULT_CONTAINER:
        names["container"] = server.container
    found.names["mlflow"] = names
    found.decide(f"server: {server.kind} {server.name}", server.because)
    lead = f"port {of_service}" + (
        f", which leads to {port} of its pods" if port != of_service else ""
    )
    found.decide(f"Service: {names['service']}, {lead}", "it selects the server's pods")
    version = _version(server.image)
    said = ".".join(map(str, version)) if version else "not told by the image's tag"
    found.decide(f"version: {said}", f"its image is {server.image}")
    _tls(server, found, names)
    _prefix(server, found, names)
    _login(server, found, names, permits=version is None or version >= _PERMITS)
    if version is None or version >= _CHECKS_HOSTS:
        _hosts(bundle, server, found, names)


def _service(bundle: Bundle, server: Server) -> Mapping[str, Any]:
    leading = [
        s
        for s in bundle.of("Service")
        if (wanted := s["spec"].get("selector")) and wanted.items() <= server.labels.items()
    ]
    own = [s for s in leading if s["spec"].get("clusterIP") != "None"] or leading
    if own:
        return min(
            own, key=lambda s: (s["metadata"]["name"] != server.name, -len(s["spec"]["ports"]))
        )
    if why := bundle.unreadable.get("service"):
        raise Unusable(
            f"Services of {bundle.namespace} may not be read: {why}",
            remedy="Use a context that may get and list them in that namespace",
        )
    raise Unusable(
        f"No Service of {bundle.namespace} leads to the pods of {server.kind} {server.name}",
        remedy="Make one that selects them: clients and this suite call MLflow by it",
    )


def _ports(spec: Mapping[str, Any], server: Server) -> tuple[int, int]:
    """The port of the pods and the Service's, of the one that leads to the server."""
    named = {
        p["name"]: int(p["containerPort"]) for p in server.spec.get("ports") or [] if "name" in p
    }
    pairs: list[tuple[int, int]] = []
    for port in spec.get("ports") or []:
        target = port.get("targetPort") or port["port"]
        behind = target if isinstance(target, int) else named.get(str(target))
        if behind is None and str(target).isdigit():
            behind = int(target)
        if behind is not None:
            pairs.append((behind, int(port["port"])))
    listening = server.port
    fitting = [p for p in pairs if p[0] == listening]
    return (fitting or pairs or [(listening, int(spec["ports"][0]["port"]))])[0]


def _version(image: str) -> tuple[int, ...] | None:
    """The version that an image's tag tells, None when it tells none."""
    tag = image.split("@", maxsplit=1)[0].rpartition(":")[2]
    number = re.search(r"(\d+)\.(\d+)\.(\d+)", tag)
    return tuple(map(int, number.groups())) if number and "/" not in tag else None


def _tls(server: Server, found: Survey, names: dict[str, Any]) -> None:
    schemes = {
        str(probe["httpGet"].get("scheme", "HTTP"))
        for kind in ("readinessProbe", "livenessProbe", "startupProbe")
        if (probe := server.spec.get(kind)) and "httpGet" in probe
    }
    line = " ".join(server.words)
    if "HTTPS" not in schemes and not re.search(r"--(ssl-)?certfile", line):
        return
    names["scheme"] = "https"
    told = "its probes ask by HTTPS" if "HTTPS" in schemes else "its command names a certificate"
    found.decide("pods have a certificate", told)
    secrets = [
        v["secret"]["secretName"]
        for v in server.pod.get("volumes") or []
        if "secret" in v and re.search(r"tls|cert|ssl", str(v), re.IGNORECASE)
    ]
    if len(secrets) == 1:
        names["ca_secret"] = secrets[0]
        found.decide(f"its authority: Secret {secrets[0]}", "it is mounted into the server's pods")
    else:
        why = "Secret with the authority of the pods' certificate; without it nothing is asked"
        found.gaps.append(Blank("mlflow", "  ca_secret: SECRET", why))


def _prefix(server: Server, found: Survey, names: dict[str, Any]) -> None:
    prefix = server.option("static-prefix")
    if prefix and (path := (prefix.text or "").strip("/")):
        names["path"] = f"/{path}"
        found.decide(f"path: {names['path']}", "--static-prefix")


def _login(server: Server, found: Survey, names: dict[str, Any], *, permits: bool) -> None:
    app = server.option("app-name")
    if app is None:
        return
    told = f"--app-name={app.text}"
    if app.text != "basic-auth":
        names["login"] = {"kind": "bearer"}
        found.decide("login: a token of the environment, MLFLOW_TRACKING_TOKEN", told)
        return
    names["login"] = {"kind": "basic"}
    if permits:
        found.more["SEC-4"] = {
            "promise": "Nobody gets in without a login, and users are the same at every replica",
            "thresholds": {
                "replicas": max(1, min(server.replicas, 2)),
                "default_permission": None,
                "holds_s": 5.0,
                "forgotten_s": 65.0,
            },
        }
    user = _key_of(server, "MLFLOW_AUTH_ADMIN_USERNAME")
    password = _key_of(server, "MLFLOW_AUTH_ADMIN_PASSWORD")
    found.decide(
        "login: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD of the environment", told
    )
    if password:
        key, secret = password
        name = user[0] if user and user[1] == secret else "KEY"
        line = f"  login: {{kind: basic, secret: {secret}, username: {name}, password: {key}}}"
        why = f"or by the Secret {secret}, which holds the administrator's password"
        found.gaps.append(Blank("mlflow", line, why))


def _key_of(server: Server, variable: str) -> tuple[str, str] | None:
    """The key and the Secret that a variable comes from."""
    told = server.environment.get(variable)
    where = re.fullmatch(r"key (\S+) of Secret (\S+)", told.source if told else "")
    return (where[1], where[2]) if where else None


def _hosts(bundle: Bundle, server: Server, found: Survey, names: Mapping[str, Any]) -> None:
    """Whether MLflow admits the names by which the runner calls it."""
    allowed = server.option("allowed-hosts")
    mlflow = MlflowNames.model_validate(names)
    suffix = mlflow.port_as_called
    name = f"{mlflow.service}.{bundle.namespace}.svc"
    called = [f"{name}{suffix}", f"{name}.cluster.local{suffix}"]
    patterns = [p.strip() for p in (allowed.text or "").split(",")] if allowed else []
    if "*" in patterns or "--disable-security-middleware" in server.words:
        return
    admitted = [host for host in called if any(_fits(pattern, host) for pattern in patterns)]
    if admitted and (not suffix or admitted != called):
        found.rows["SEC-6"] = {"own_hosts": admitted}
    if called[0] not in admitted:
        given = "its --allowed-hosts do not have it" if patterns else "by default it refuses names"
        found.warnings.append(
            f"MLflow answers 403 to {called[0]} ({given}): add {called[0]} and the pods' addresses "
            "to --allowed-hosts, or no check inside of the cluster can be decided"
        )


def _fits(pattern: str, host: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), host))


def find_front(bundle: Bundle, found: Survey) -> None:
    """The ingress, into `names.front`."""
    service = found.names["mlflow"]["service"]
    for kind, name, host, path, secret in _routes(bundle, service):
        scheme = "https" if secret is not None else "http"
        front: dict[str, Any] = {"url": f"{scheme}://{host}{path}"}
        if secret:
            front["ca_secret"] = secret
        found.names["front"] = front
        found.decide(f"front door: {front['url']}", f"{kind} {name} leads to Service {service}")
        _without_tls(found, front["url"])
        found.warnings.append(
            f"This machine must reach {front['url']}; add the port if it is another one"
        )
        return
    if balanced := _balanced(bundle, MlflowNames.model_validate(found.names["mlflow"])):
        found.names["front"] = {"url": balanced}
        found.decide(f"front door: {balanced}", f"Service {service} has a load balancer")
        _without_tls(found, balanced)
        return
    found.lacks("no Ingress, route or load balancer leads to it", _OF_TLS)
    found.gaps.append(
        Blank(
            "front",
            'front: {url: "https://HOST"}',
            "how people reach MLflow from outside; no Ingress or HTTPRoute leads to its Service, "
            "at which the runner asks instead",
            ("mlflow_client", "client_environment"),
        )
    )


def _without_tls(found: Survey, url: str) -> None:
    if not url.startswith("https:"):
        found.lacks(f"its front door {url} has no TLS", _OF_TLS)


def _balanced(bundle: Bundle, names: MlflowNames) -> str | None:
    """Where MLflow answers at its Service's own load balancer."""
    status = (bundle.named("Service", names.service) or {}).get("status") or {}
    for way in (status.get("loadBalancer") or {}).get("ingress") or []:
        host = way.get("hostname") or way.get("ip")
        if host:
            return names.url(host, of_service=True)
    return None


def _routes(bundle: Bundle, service: str) -> Iterator[tuple[str, str, str, str, str | None]]:
    """Kind, name, host, path and Secret of every way to a Service; None without a certificate."""
    secured: str | None
    for item in bundle.of("Ingress"):
        spec, notes = item["spec"], item["metadata"].get("annotations") or {}
        # A load balancer of a cloud has its certificate from elsewhere.
        secured = "" if any("certificate-arn" in key for key in notes) else None
        secrets = {
            h: t.get("secretName", "")
            for t in spec.get("tls") or []
            for h in t.get("hosts") or [""]
        }
        for rule in spec.get("rules") or []:
            host = rule.get("host", "")
            for path in (rule.get("http") or {}).get("paths") or []:
                backend = path.get("backend") or {}
                if (backend.get("service") or {}).get("name") == service and host:
                    below = str(path.get("path") or "/").rstrip("/")
                    literal = below if re.fullmatch(r"[\w/.-]*", below) else ""
                    yield (
                        "Ingress",
                        item["metadata"]["name"],
                        host,
                        literal,
                        secrets.get(host, secured),
                    )
    for item in bundle.of("HTTPRoute"):
        spec = item["spec"]
        for rule in spec.get("rules") or []:
            if any(r.get("name") == service for r in rule.get("backendRefs") or []):
                for host in spec.get("hostnames") or []:
                    # The certificate is the Gateway's, which is another namespace's as a rule.
                    yield "HTTPRoute", item["metadata"]["name"], host, "", ""
