# SPDX-License-Identifier: Apache-2.0
"""Candidates for mutants: every single change of a deployment that an operator can make up."""
