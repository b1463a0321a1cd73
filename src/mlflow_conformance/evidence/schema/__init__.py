# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of one line of an evidence log, for readers that are not this program.

`evidence-1.json` is generated from `mlflow_conformance.evidence.model`; after a change there,
`python -m mlflow_conformance.evidence.schema` writes it again.
"""

import json
from pathlib import Path

from mlflow_conformance.evidence.model import EVENT, SCHEMA_VERSION

PATH = Path(__file__).parent / f"evidence-{SCHEMA_VERSION}.json"


def generated() -> str:
    """The schema of the events as this program writes them, as JSON text."""
    # By serialization: what is written always holds every field, so a reader may rely on them.
    document = EVENT.json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"mlflow-conformance evidence {SCHEMA_VERSION}",
        "description": "One line of evidence.jsonl",
    }
    return json.dumps(head | document, indent=2, ensure_ascii=False) + "\n"
