# SPDX-License-Identifier: Apache-2.0
"""How a cluster fails to do what it was asked."""

import json

from mlflow_conformance.core.brevity import brief


class KubeFailed(Exception):  # noqa: N818 - an observation rather than a defect
    """The API server refused or did not answer, or a kubectl command failed.

    Attributes:
        status: of HTTP; None when there was no answer, and for kubectl.
        reason: the API server's own word, such as ``NotFound``; without an answer, what is known.
        body: the whole answer, as text.
    """

    def __init__(
        self, message: str, *, status: int | None = None, reason: str = "", body: str = ""
    ) -> None:
        self.status, self.reason, self.body = status, reason, body
        super().__init__(message)


class Conflict(KubeFailed):
    """Somebody else wrote the object at the same moment; nothing was changed."""


class NoKubernetes(KubeFailed):
    """Something answers, and it is no Kubernetes API."""


def refusal(what: str, status: int, phrase: str, body: str) -> KubeFailed:
    """What an answer of the API server other than success means.

    Args:
        what: was asked for.
        phrase: that belongs to the HTTP status.
    """
    try:
        said = json.loads(body)
        reason, message = str(said["reason"]), str(said.get("message", ""))
    except (ValueError, KeyError, TypeError):
        # Proxies in front of an API server say what they say.
        reason, message = phrase, brief(body)
    failed = Conflict if reason == "Conflict" else KubeFailed
    return failed(f"{what}: {status} {reason}: {message}", status=status, reason=reason, body=body)
