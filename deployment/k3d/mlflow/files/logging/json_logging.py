# SPDX-License-Identifier: Apache-2.0
"""Log records as one JSON object per line."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

# uvicorn's access log passes these as positional arguments of its message.
_ACCESS_FIELDS = ("client", "method", "path", "http_version", "status")
_REFUSED = 400  # and above

# What the kubelet asks every second; two answers a second and pod would bury all others.
_PROBES = frozenset(
    {
        "/health",
        "/api/2.0/mlflow/experiments/search?max_results=1",
    }
)


class WithoutProbes(logging.Filter):
    """Drops probes that were answered with 200; one that fails is kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if record.name != "uvicorn.access" or not isinstance(record.args, tuple):
            return True
        access = dict(zip(_ACCESS_FIELDS, record.args, strict=False))
        return not (access.get("status") == 200 and access.get("path") in _PROBES)


class JsonFormatter(logging.Formatter):
    """Formats a record as time (UTC, ISO 8601), level, logger, process, request and message.

    An access record of uvicorn also has its method, path without the query (which may hold what a
    user searched for) and status as fields of their own, and where a login was accepted its user.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
        }
        if request_id := getattr(record, "request_id", None):
            line["request_id"] = request_id
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            line |= dict(zip(_ACCESS_FIELDS, record.args, strict=False))
            line["path"] = str(line.get("path", "")).partition("?")[0]
            # A refusal may come before the login was looked at, and what was typed be a password.
            if (user := getattr(record, "user", None)) and line.get("status", _REFUSED) < _REFUSED:
                line["user"] = user
            line["message"] = "request"
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
