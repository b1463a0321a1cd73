# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of an upgrade, as a profile's rows write them down."""

from mlflow_conformance.config.thresholds import Registry

THRESHOLDS: Registry = {}
"""The model of each check of this family."""
