# SPDX-License-Identifier: Apache-2.0
"""Programs that are sent into a container of MLflow and run by its own Python."""
