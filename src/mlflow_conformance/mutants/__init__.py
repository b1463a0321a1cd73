# SPDX-License-Identifier: Apache-2.0
"""Targets broken on purpose, to prove that a check can fail."""
