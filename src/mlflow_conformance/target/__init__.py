# SPDX-License-Identifier: Apache-2.0
"""What is under test: one frozen description for a kind cluster of our own, a context, or a URL."""
