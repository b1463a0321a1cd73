# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes cluster, its nodes, and how objects in it are kept and put back."""
