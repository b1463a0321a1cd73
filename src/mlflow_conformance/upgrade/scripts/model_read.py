# SPDX-License-Identifier: Apache-2.0
"""Loads models with the installed client, in a new process, and tells what they predict.

Argument: ``{"url": …, "uris": […], "questions": […], "headers": {…}}``. Prints the client's
version, and by URI either the predictions or, in one line, the error that people would see.
"""

import base64
import json
import os
import sys
import tempfile

_ASKED = json.loads(sys.argv[1])
_USER = _ASKED.get("headers", {}).get("Authorization", "").removeprefix("Basic ")
_NAMED, _, _PASSWORD = base64.b64decode(_USER).decode().partition(":")
os.environ.update(
    {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_TRACKING_URI": _ASKED["url"],
        "MLFLOW_REGISTRY_URI": _ASKED["url"],
        "NO_PROXY": "*",
        "HOME": tempfile.mkdtemp(),  # `~` of a pod may be read-only
        **({"MLFLOW_TRACKING_USERNAME": _NAMED, "MLFLOW_TRACKING_PASSWORD": _PASSWORD} if _USER
           else {}),
    }
)  # fmt: skip

import mlflow  # noqa: E402
import numpy as np  # noqa: E402 - the environment comes first

_LENGTH = 300


def _predicted(uri: str) -> "list[float] | str":
    try:
        found = mlflow.pyfunc.load_model(uri).predict(np.array(_ASKED["questions"]))
        return [float(value) for value in found]
    except Exception as problem:  # noqa: BLE001 - whatever people would see is the result
        return " ".join(f"{type(problem).__name__}: {problem}".split())[:_LENGTH]


print(
    json.dumps(
        {
            "version": mlflow.__version__,
            "predicted": {uri: _predicted(uri) for uri in _ASKED["uris"]},
        }
    )
)
