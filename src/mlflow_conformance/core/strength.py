# SPDX-License-Identifier: Apache-2.0
"""How hard a credential is to guess."""

import math
from collections import Counter


def bits(credential: str) -> float:
    """An estimate of how many bits a credential is worth: its length times its own entropy.

    Repetitions count for nothing, so ``aaaa`` is worth 0. A text of 32 random letters and digits
    is worth some 145 of its true 190, so the estimate rather refuses a good one.
    """
    size = len(credential)
    return max(0.0, -sum(n * math.log2(n / size) for n in Counter(credential).values()))
