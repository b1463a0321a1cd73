# SPDX-License-Identifier: Apache-2.0
"""`python -m mlflow_conformance` is the command line."""

from mlflow_conformance.cli import main

main()
