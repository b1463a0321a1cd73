# SPDX-License-Identifier: Apache-2.0
"""What the checks of operations (OPS) are made of."""
