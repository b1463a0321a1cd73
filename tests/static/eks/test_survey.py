# SPDX-License-Identifier: Apache-2.0
"""What `init` finds in the kustomization is what its own profile says of it."""

from typing import Any

import shipped
from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.names import Names
from mlflow_conformance.survey.looking import look, secrets_wanted

# What the guide's `generate-secrets` makes, with none of its strength.
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "mlflow-secret"},
    "stringData": {"backend-store-uri": "postgresql+psycopg2://mlflow:x@postgres:5432/mlflow"},
}


def test_every_name_is_found(kind: list[dict[str, Any]]) -> None:
    own = shipped.profile("eks").names
    bundle = Bundle("mlflow", [*kind, SECRET])
    assert "mlflow-secret" in secrets_wanted(bundle)
    survey, base = look(bundle)
    found = Names.model_validate(survey.names)
    assert base == "production"
    assert found.mlflow == own.mlflow
    assert found.postgresql
    assert own.postgresql
    # The server verifies the database's certificate, and so may the auditor.
    verified = {"sslmode": "verify-full", "ca_secret": "postgres-tls"}
    assert found.postgresql == own.postgresql.model_copy(update=verified)
    assert found.s3 == own.s3
    assert found.runner.labels == own.runner.labels
