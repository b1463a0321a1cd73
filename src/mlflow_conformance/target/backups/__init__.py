# SPDX-License-Identifier: Apache-2.0
"""Backups and restores by the lines of a deployment's own documentation."""
