# SPDX-License-Identifier: Apache-2.0
"""Renders and applies the reference deployments; judges what was rendered before it is applied."""
