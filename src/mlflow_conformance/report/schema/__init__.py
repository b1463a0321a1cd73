# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of verdict.json, for readers that are not this program.

`verdict-1.json` is generated from `mlflow_conformance.report.verdict_document`; after a change
there, `python -m mlflow_conformance.report.schema` writes it again.
"""

import json
from pathlib import Path

from mlflow_conformance.report.verdict_document import SCHEMA_VERSION, VerdictDocument

PATH = Path(__file__).parent / f"verdict-{SCHEMA_VERSION}.json"


def generated() -> str:
    """The schema of the document as this program writes it, as JSON text."""
    document = VerdictDocument.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"mlflow-conformance verdict {SCHEMA_VERSION}",
    }
    # The title is the schema's, not that of the model.
    return json.dumps(document | head, indent=2, ensure_ascii=False) + "\n"
