# SPDX-License-Identifier: Apache-2.0
"""The signature of MLflow's webhooks.

The form is that of MLflow's documentation (Webhooks, "Signature verification"): HMAC-SHA256 over
``<delivery id>.<timestamp>.<body>``, in base64, after the version ``v1,``.
"""

import base64
import hashlib
import hmac


def signature_of(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """The value that the header X-MLflow-Signature must have."""
    signed = f"{delivery}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
