# SPDX-License-Identifier: Apache-2.0
"""A look at a deployment that somebody else made: what it is, and the profile of it.

All of it is a pure function of the objects that were read (`mlflow_conformance.cluster.bundle`).
"""
