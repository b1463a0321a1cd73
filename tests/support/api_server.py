# SPDX-License-Identifier: Apache-2.0
"""An API server with as much of Kubernetes as this package asks of one, over real HTTP.

It keeps what it is given, counts versions, and knows who owns an object. What a controller or an
admission plugin would do, it does not.
"""

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http_server import HttpServer

_KINDS: dict[str, tuple[tuple[str, str, bool, tuple[str, ...]], ...]] = {
    "/api/v1": (
        ("pods", "Pod", True, ("po",)),
        ("services", "Service", True, ("svc",)),
        ("secrets", "Secret", True, ()),
        ("configmaps", "ConfigMap", True, ("cm",)),
        ("serviceaccounts", "ServiceAccount", True, ("sa",)),
        ("events", "Event", True, ("ev",)),
        ("persistentvolumeclaims", "PersistentVolumeClaim", True, ("pvc",)),
        ("namespaces", "Namespace", False, ("ns",)),
        ("nodes", "Node", False, ("no",)),
    ),
    "/apis/apps/v1": (
        ("deployments", "Deployment", True, ("deploy",)),
        ("statefulsets", "StatefulSet", True, ("sts",)),
        ("daemonsets", "DaemonSet", True, ("ds",)),
        ("replicasets", "ReplicaSet", True, ("rs",)),
        ("controllerrevisions", "ControllerRevision", True, ()),
    ),
    "/apis/batch/v1": (("jobs", "Job", True, ()), ("cronjobs", "CronJob", True, ("cj",))),
    "/apis/policy/v1": (("poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",)),),
    "/apis/networking.k8s.io/v1": (
        ("networkpolicies", "NetworkPolicy", True, ("netpol",)),
        ("ingresses", "Ingress", True, ("ing",)),
    ),
    "/apis/authorization.k8s.io/v1": (
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview", False, ()),
    ),
    "/apis/discovery.k8s.io/v1": (("endpointslices", "EndpointSlice", True, ()),),
    "/apis/metrics.k8s.io/v1beta1": (("pods", "PodMetrics", True, ()),),
}
Key = tuple[str, str, str]
"""Kind, namespace (empty for those of the whole cluster) and name."""


@dataclass(frozen=True)
class Request:
    """One request that was answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: HTTPStatus, reason: str, message: str, **more: Any) -> None:
        self.status = status
        self.body = {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
            "message": message, "code": status, **more,
        }  # fmt: skip
        super().__init__(message)


@dataclass
class ApiServer(Closing):
    """The server, as long as the context lasts.

    Attributes:
        objects: what there is.
        logs: what containers wrote, by pod and container.
        answers: to what is asked of an object, by subresource.
        refuse: methods that are forbidden.
        down: roots of APIs whose own servers do not answer.
        meddlers: called after every write, as controllers are that watch.
        requests: what was asked, discovery left out.
    """

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    logs: dict[tuple[str, str], str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    kinds: dict[str, tuple[tuple[str, str, bool, tuple[str, ...]], ...]] = field(
        default_factory=lambda: dict(_KINDS)
    )
    meddlers: list[Callable[[], object]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._version = 6
        self.closed = False
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = HttpServer(handler)

    def close(self) -> None:
        """Answer no more, also on connections that are open."""
        self.closed = True
        self._server.close()

    def kube(self, folder: Path, namespace: str = "mlflow") -> Kube:
        """A way to it by a kubeconfig in a folder."""
        path = folder / "kubeconfig"
        document = {
            "clusters": [{"name": "c", "cluster": {"server": self._server.url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return Kube(path, "here", namespace)

    def have(
        self, kind: str, name: str, *, namespace: str = "mlflow", **fields: Any
    ) -> dict[str, Any]:
        """Put an object there as if it had been for long."""
        root, plural, namespaced = self._found(kind)
        metadata = {
            "name": name, "uid": f"uid-{name}", "resourceVersion": "5",
            "managedFields": [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f": {}}}],
            **({"namespace": namespace} if namespaced else {}),
            **fields.pop("metadata", {}),
        }  # fmt: skip
        made = {
            "apiVersion": root.split("/", 2)[2],
            "kind": kind,
            "metadata": metadata,
            **copy.deepcopy(fields),
        }
        self.objects[plural, namespace if namespaced else "", name] = made
        return made

    def asked(self, method: str) -> list[str]:
        """The paths that were asked for by a method."""
        return [r.path for r in self.requests if r.method == method]

    def answer(self, request: Request) -> tuple[int, Any]:
        """The status and the body of the answer to a request."""
        with self._lock:
            if request.method == "GET" and (found := self._discovered(request.path)):
                return HTTPStatus.OK, found
            self.requests.append(request)
            try:
                return self._answered(request)
            except _Refused as refused:
                return refused.status, refused.body

    def _answered(self, request: Request) -> tuple[int, Any]:
        if request.method in self.refuse:
            raise _Refused(HTTPStatus.FORBIDDEN, "Forbidden", "refused")
        root = next((r for r in self.kinds if f"{request.path}/".startswith(f"{r}/")), None)
        if root is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "NotFound", "there is no such API")
        if root in self.down:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "it is down")
        parts = request.path.removeprefix(f"{root}/").split("/")
        namespace = parts[1] if parts[0] == "namespaces" and len(parts) > 2 else ""
        plural, name, sub = (*(parts[2:] if namespace else parts), "", "")[:3]
        key = (plural, namespace, name)
        said: Any
        if request.method == "POST":
            return self._posted(key, sub, request)
        if sub == "log":
            said = self._log(request, name)
        elif not name:
            found = self._listed(plural, namespace, request.query)
            said = _table(found) if "as=Table" in request.headers["accept"] else {"items": found}
        elif "apply-patch" in request.headers.get("content-type", ""):
            said = self._applied(key, request)
        elif key not in self.objects:
            raise _Refused(HTTPStatus.NOT_FOUND, "NotFound", f'{plural} "{name}" not found')
        elif request.method == "DELETE":
            said = self._deleted(key)
        elif request.method == "PUT":
            said = self._replaced(key, request)
        elif request.method == "PATCH":
            said = self._patched(key, request)
        else:
            said = self.objects[key]
        return HTTPStatus.OK, said

    def _posted(self, key: Key, sub: str, request: Request) -> tuple[int, Any]:
        if sub or key[0].endswith("reviews"):
            said = self.answers[sub]
            return said.get("code", HTTPStatus.CREATED), said
        return HTTPStatus.CREATED, self._created(key, request)

    def _deleted(self, key: Key) -> dict[str, Any]:
        gone = self.objects.pop(key)
        self._meddle()
        details = {"name": key[2], "uid": gone["metadata"]["uid"]}
        return {"kind": "Status", "status": "Success", "details": details}

    def _log(self, request: Request, pod: str) -> str:
        said = self.logs.get((pod, request.query["container"]))
        if said is None:
            raise _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", "there is no such log")
        lines = said.splitlines(keepends=True)
        return "".join(lines[-int(request.query.get("tailLines", len(lines) or 1)) :])

    def _listed(self, plural: str, namespace: str, query: dict[str, str]) -> list[dict[str, Any]]:
        labels = dict(p.split("=") for p in query.get("labelSelector", "").split(",") if p)
        fields = dict(p.split("=") for p in query.get("fieldSelector", "").split(",") if p)
        found = []
        for (kind, space, name), thing in self.objects.items():
            has = thing["metadata"].get("labels") or {}
            if (
                kind == plural
                and namespace in ("", space)
                and labels.items() <= has.items()
                and fields.get("metadata.name", name) == name
            ):
                # Items of a list do not say their kind.
                found.append({k: v for k, v in thing.items() if k not in ("apiVersion", "kind")})
        return found

    def _created(self, key: Key, request: Request) -> dict[str, Any]:
        meta = request.body["metadata"]
        key = (*key[:2], meta["name"])
        if meta.get("namespace", key[1]) != key[1]:
            raise _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", "it is of another namespace")
        if key in self.objects:
            raise _Refused(HTTPStatus.CONFLICT, "AlreadyExists", f"{key[2]} already exists")
        if "dryRun" in request.query:
            return dict(request.body)
        return self._written(key, request, {**meta, "uid": f"uid-{meta['name']}-again"})

    def _applied(self, key: Key, request: Request) -> dict[str, Any]:
        before = self.objects.get(key, {"metadata": {"uid": f"uid-{key[2]}"}})
        request = Request(**{**vars(request), "body": merged(before, request.body)})
        return self._written(key, request, request.body["metadata"], operation="Apply")

    def _replaced(self, key: Key, request: Request) -> dict[str, Any]:
        before, meta = self.objects[key]["metadata"], request.body["metadata"]
        if meta["resourceVersion"] != before["resourceVersion"]:
            raise _Refused(HTTPStatus.CONFLICT, "Conflict", "the object has been modified")
        return self._written(key, request, {**meta, "uid": before["uid"]})

    def _patched(self, key: Key, request: Request) -> dict[str, Any]:
        body = request.body
        if isinstance(body, list):
            body = {}
            for step in request.body:
                inner = step["value"]
                for word in reversed(step["path"].strip("/").split("/")):
                    inner = {word: inner}
                body = merged(body, inner)
        meta = {k: v for k, v in self.objects[key]["metadata"].items() if k != "managedFields"}
        thing = merged({**self.objects[key], "metadata": meta}, body)
        request = Request(**{**vars(request), "body": thing})
        return self._written(key, request, thing["metadata"])

    def _written(
        self, key: Key, request: Request, meta: dict[str, Any], *, operation: str = "Update"
    ) -> dict[str, Any]:
        thing, meta = copy.deepcopy(request.body), copy.deepcopy(meta)
        owner = {"manager": request.query["fieldManager"], "operation": operation}
        meta.setdefault("managedFields", [owner])
        self._version += 1
        meta["resourceVersion"] = str(self._version)
        if key[1]:
            meta["namespace"] = key[1]
        self.objects[key] = {**thing, "metadata": meta}
        self._meddle()
        return self.objects[key]

    def _meddle(self) -> None:
        for meddle in self.meddlers:
            meddle()

    def _discovered(self, path: str) -> dict[str, Any] | None:
        if path == "/apis":
            roots = [r.removeprefix("/apis/") for r in self.kinds if r.startswith("/apis/")]
            groups = [
                {"name": r.split("/")[0], "preferredVersion": {"groupVersion": r}} for r in roots
            ]
            return {"kind": "APIGroupList", "groups": groups}
        if path not in self.kinds or path in self.down:
            return None
        resources: list[dict[str, Any]] = [
            {"name": plural, "kind": kind, "namespaced": spaced, "singularName": kind.lower(),
             "shortNames": list(short), "verbs": ["get", "list"] if "review" not in plural else []}
            for plural, kind, spaced, short in self.kinds[path]
        ]  # fmt: skip
        sub = {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]}
        return {"kind": "APIResourceList", "resources": [sub, *resources]}

    def _found(self, wanted: str) -> tuple[str, str, bool]:
        return next(
            (root, plural, spaced)
            for root, kinds in self.kinds.items()
            for plural, kind, spaced, _ in kinds
            if kind == wanted
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: ApiServer

    def _do(self) -> None:
        url = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.api.closed:
            self.close_connection = True
            return
        status, body = self.api.answer(
            Request(
                self.command,
                url.path,
                dict(parse_qsl(url.query)),
                {k.lower(): v for k, v in self.headers.items()},
                json.loads(data) if data else None,
            )
        )
        said = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class
        """Say nothing."""


def _table(found: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [{"cells": [thing["metadata"]["name"], 0]} for thing in found]
    return {"columnDefinitions": [{"name": "Name"}, {"name": "Age"}], "rows": rows}


def merged(into: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(into, dict) or not isinstance(patch, dict):
        return patch
    result = {**into, **{k: merged(into.get(k), v) for k, v in patch.items() if v is not None}}
    return {k: v for k, v in result.items() if not (k in patch and patch[k] is None)}
