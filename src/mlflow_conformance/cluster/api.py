# SPDX-License-Identifier: Apache-2.0
"""Requests to the API server of a cluster; each is sent once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from mlflow_conformance.cluster.failures import KubeFailed, NoKubernetes, refusal
from mlflow_conformance.cluster.kubeconfig import contexts_in
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.spelling import nearest

if TYPE_CHECKING:
    # Importing it takes seconds of CPU, which a command that needs no cluster should not pay.
    from kubernetes.client import ApiClient

REPLY_S = 60.0
_CONNECT_S = 5.0
_JSON = "application/json"


class Api:
    """The API of one cluster, as the user of one context."""

    def __init__(self, client: "ApiClient") -> None:
        self._client = client

    def text(
        self,
        what: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content: str = _JSON,
        accept: str = _JSON,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = REPLY_S,
    ) -> str:
        """Send a request; returns the answer's body.

        Args:
            what: the request does, for the message of a failure.
            body: anything that JSON can hold.
            content: the media type of the body, which for a patch is its type.
            timeout_s: the longest pause in the answer, seconds.

        Raises:
            KubeFailed: the API server refused or did not answer.
        """
        from kubernetes.client.rest import ApiException

        try:
            answer = self._client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": accept, "Content-Type": content, **(headers or {})},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(_CONNECT_S, timeout_s),
            )
            return str(answer.data.decode("utf-8", "replace"))
        except ApiException as problem:
            if not problem.status:
                raise _no_answer(what, problem.reason) from problem
            said = problem.body or ""
            said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
            raise refusal(what, problem.status, problem.reason or "", said) from problem
        except (HTTPError, OSError) as problem:
            raise _no_answer(what, getattr(problem, "reason", problem)) from problem

    def json(self, what: str, method: str, path: str, **details: Any) -> dict[str, Any]:
        """Send a request; returns the object that the answer is.

        Args:
            details: see `text`.

        Raises:
            NoKubernetes: the answer is no object.
            KubeFailed: the API server refused or did not answer.
        """
        said = self.text(what, method, path, **details)
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NoKubernetes(f"{what}: what answers is no Kubernetes API", body=said)
        return found


class ReadOnlyApi(Api):
    """The same for who may only read: whatever is no GET is not sent."""

    def text(self, what: str, method: str, path: str, **details: Any) -> str:
        """See `Api.text`.

        Raises:
            Undecided: it would not only read.
            KubeFailed: the API server refused or did not answer.
        """
        if method != "GET":
            raise Undecided(f"{what}: this run only reads (--read-only)")
        return super().text(what, method, path, **details)


def connect(kubeconfig: Path, context: str, *, read_only: bool = False) -> Api:
    """The API of a kubeconfig's context; nothing is sent yet.

    Raises:
        Unusable: the kubeconfig or the context does not exist.
    """
    import kubernetes

    if not kubeconfig.is_file():
        raise Unusable(
            f"The kubeconfig {kubeconfig} does not exist"
            if not kubeconfig.exists()
            else f"The kubeconfig {kubeconfig} is no file",
            remedy="Set KUBECONFIG or name one with --kubeconfig",
        )
    settings = kubernetes.client.Configuration()
    # A try that failed is an observation. Not False: the client breaks on a bare TLS error.
    settings.retries = Retry(0, redirect=False)
    try:
        kubernetes.config.load_kube_config(str(kubeconfig), context, client_configuration=settings)
    except kubernetes.config.ConfigException as problem:
        known = contexts_in(kubeconfig)
        raise Unusable(
            f"The context {context!r} cannot be used from {kubeconfig}: "
            + (
                " ".join(str(problem).split())
                if context in known
                else f"there is none of that name{nearest(context, known).rstrip('?')}"
            ),
            remedy="List the contexts with `kubectl config get-contexts`",
        ) from problem
    except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError) as problem:
        # The client checks the form of a kubeconfig here and there, and mostly not at all.
        raise Unusable(
            f"{kubeconfig} is no kubeconfig: {brief(str(problem))}",
            remedy="Set KUBECONFIG or name one with --kubeconfig",
        ) from problem
    return (ReadOnlyApi if read_only else Api)(kubernetes.client.ApiClient(settings))


def _no_answer(what: str, why: object) -> KubeFailed:
    reason = " ".join(str(why).split())
    return KubeFailed(f"{what}: no answer: {reason}", reason=reason)
