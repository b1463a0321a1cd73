# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of registry, as a profile's rows write them down."""

from mlflow_conformance.config.thresholds import Registry

THRESHOLDS: Registry = {}
