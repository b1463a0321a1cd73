# SPDX-License-Identifier: Apache-2.0
"""Starts a workflow for what happens in MLflow's registry, as webhooks of MLflow tell it.

It is what Argo Events is elsewhere, none of whose sources knows the signature of MLflow's webhooks:
an event that was not signed by the webhook's secret, or not lately, starts nothing, and one that is
delivered again starts nothing more.
"""

import base64
import hashlib
import hmac
import json
import os
import ssl
import time
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LATELY_S = 300
MOST_BYTES = 1_000_000
PATIENCE_S = 10


def signed(secret, headers, body, now):
    """Whether the secret signed this very body, and lately."""
    delivery = headers.get("X-MLflow-Delivery-Id", "")
    told = headers.get("X-MLflow-Timestamp", "")
    if not (delivery and told.isascii() and told.isdigit() and abs(now - int(told)) <= LATELY_S):
        return False
    content = f"{delivery}.{told}.".encode() + body
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return hmac.compare_digest(signature.encode(), headers.get("X-MLflow-Signature", "").encode())


def workflow_of(bindings, delivery, body):
    """The workflow that an event starts; None of an event that starts none.

    Raises:
        ValueError, LookupError, TypeError: it is no event of MLflow.
    """
    told = json.loads(body)
    event = f"{told['entity']}.{told['action']}"
    if event not in bindings:
        return None
    data = told["data"]
    # The same delivery has the same name, whoever of MLflow's replicas repeats it.
    name = f"{bindings[event]}-{hashlib.sha256(delivery.encode()).hexdigest()[:16]}"
    parameters = {"name": data["name"], "version": data["version"]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "annotations": {"mlflow-event": event}},
        "spec": {
            "workflowTemplateRef": {"name": bindings[event]},
            "arguments": {
                "parameters": [{"name": k, "value": str(v)} for k, v in parameters.items()]
            },
        },
    }


def start(api, namespace, workflow):
    """Ask the cluster for a workflow; 202 when it is there now, 200 when it was there before.

    Raises:
        OSError, HTTPException: the cluster refused, or did not answer.
    """
    trust = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
    connection = HTTPSConnection(api, timeout=PATIENCE_S, context=trust)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
    }
    try:
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
        connection.request("POST", path, json.dumps(workflow), headers)
        said = connection.getresponse()
        answers = {201: 202, 409: 200}
        if said.status not in answers:
            raise OSError(f"the API server answered {said.status}: {said.read(200)!r}")
        return answers[said.status]
    finally:
        connection.close()


class Trigger(BaseHTTPRequestHandler):
    """Answers one post of a webhook, and closes its connection.

    MLflow keeps those that stay open: the first event after this pod was replaced would wait for
    30 s on one that leads nowhere.
    """

    def do_GET(self):
        """It listens: that is all there is to ask."""
        self.answer(200)

    def do_POST(self):
        """Start what the event is bound to."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= MOST_BYTES):
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not signed(os.environ["WEBHOOK_SECRET"], self.headers, body, time.time()):
            return self.answer(401)
        try:
            bindings = json.loads(Path(os.environ["BINDINGS"]).read_text())
            workflow = workflow_of(bindings, self.headers["X-MLflow-Delivery-Id"], body)
        except (ValueError, LookupError, TypeError) as wrong:
            return self.answer(400, repr(wrong))
        if workflow is None:
            return self.answer(200)
        try:
            status = start(os.environ["KUBERNETES_API"], os.environ["WORKFLOWS"], workflow)
        except (OSError, HTTPException) as refused:
            return self.answer(502, repr(refused))  # MLflow delivers it again
        return self.answer(status, workflow["metadata"]["name"])

    def answer(self, status, said=""):
        """Answer without a body; what is told goes to the log."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if said:
            print(status, said, flush=True)

    def log_message(self, format, *args):  # noqa: A002 - its name in the base class
        """Nothing: every probe would be a line."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Trigger).serve_forever()
