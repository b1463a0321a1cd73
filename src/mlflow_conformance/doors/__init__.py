# SPDX-License-Identifier: Apache-2.0
"""The ways to what is looked at: HTTP without retries, MLflow, SQL, S3, and the runner."""
