# SPDX-License-Identifier: Apache-2.0
"""The machine that this runs on: what it lacks, how to mend that, and its container engine."""
