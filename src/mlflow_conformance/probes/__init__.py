# SPDX-License-Identifier: Apache-2.0
"""Pods that try connections from where a policy says yes or no."""
