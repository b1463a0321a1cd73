# SPDX-License-Identifier: Apache-2.0
"""Clusters that are made here: the machine, the images, kind, and what is deployed on it."""
