# SPDX-License-Identifier: Apache-2.0
"""What a run saw, in a versioned, append-only record, and the verdicts computed from it."""
