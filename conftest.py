# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the suites come from the plugin `mlflow_conformance.run.plugin`, not from here."""
