# SPDX-License-Identifier: Apache-2.0
"""Thin, typed clients: MLflow by raw HTTP without retries, SQL, S3, Kubernetes."""
