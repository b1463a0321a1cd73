# SPDX-License-Identifier: Apache-2.0
"""The calls that the installed MLflow declares in its protocol buffers.

Prints a list of calls, each with method, path, version and fields. A field has a name, a kind
(string, integer, float, boolean, enum or message), whether it is repeated or required, the values
of an enum, and the fields of a message.
"""

import importlib
import json
from typing import Any

_SERVICES = (
    ("service_pb2", "MlflowService"),
    ("model_registry_pb2", "ModelRegistryService"),
    ("webhooks_pb2", "WebhookService"),
)
_DEPTH = 3


def _field(descriptor: Any, required: Any, depth: int) -> dict[str, Any]:
    kinds = {
        descriptor.CPPTYPE_STRING: "string", descriptor.CPPTYPE_MESSAGE: "message",
        descriptor.CPPTYPE_ENUM: "enum", descriptor.CPPTYPE_BOOL: "boolean",
        descriptor.CPPTYPE_DOUBLE: "float", descriptor.CPPTYPE_FLOAT: "float",
    }  # fmt: skip
    kind = kinds.get(descriptor.cpp_type, "integer")
    inner = descriptor.message_type.fields if kind == "message" and depth else []
    return {
        "name": descriptor.name,
        "kind": kind,
        # By its label, which is how every release of protobuf since 3 says it.
        "repeated": descriptor.label == descriptor.LABEL_REPEATED
        if hasattr(descriptor, "label")
        else bool(descriptor.is_repeated),
        "required": bool(descriptor.GetOptions().Extensions[required]),
        "values": [v.name for v in descriptor.enum_type.values] if kind == "enum" else [],
        "fields": [_field(one, required, depth - 1) for one in inner],
    }


def _calls() -> list[dict[str, Any]]:
    options = importlib.import_module("mlflow.protos.databricks_pb2")
    found = []
    for module, name in _SERVICES:
        try:
            service = importlib.import_module(f"mlflow.protos.{module}").DESCRIPTOR
        except ImportError:
            continue  # this version has no such service
        for method in service.services_by_name[name].methods:
            fields = [
                _field(f, options.validate_required, _DEPTH) for f in method.input_type.fields
            ]
            for endpoint in method.GetOptions().Extensions[options.rpc].endpoints:
                if not endpoint.path.startswith("/mlflow/"):
                    continue
                found.append(
                    {
                        "method": endpoint.method, "path": endpoint.path,
                        "version": endpoint.since.major, "fields": fields,
                    }
                )  # fmt: skip
    return sorted(found, key=lambda call: (call["path"], call["method"]))


print(json.dumps(_calls()))
