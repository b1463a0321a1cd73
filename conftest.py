# SPDX-License-Identifier: Apache-2.0
"""The suites' fixtures come from the plugin `mlflow_conformance.plugin`, installed with the package."""
