# SPDX-License-Identifier: Apache-2.0
"""The upgrade: what the checks of a change from one version of MLflow to another are made of."""
