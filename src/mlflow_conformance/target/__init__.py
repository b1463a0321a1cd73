# SPDX-License-Identifier: Apache-2.0
"""What is under test: a kind cluster of our own, somebody's context, or local processes."""
