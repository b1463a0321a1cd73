# SPDX-License-Identifier: Apache-2.0
"""The page of an upgrade: go or no-go, and why; a pure function of the logs of its stages."""
