# SPDX-License-Identifier: Apache-2.0
"""Write the schema file anew: ``python -m mlflow_conformance.report.schema``."""

from mlflow_conformance.report.schema import PATH, generated

PATH.write_text(generated(), encoding="utf-8")
