# SPDX-License-Identifier: Apache-2.0
"""Acknowledged writes: what was tried and what the server said, and the invariants that must hold.

`log` keeps them in a file that survives the death of its writer, `history` is what was read back
from it, `invariants` and `linearizability` judge a history against what the system now holds.
"""
