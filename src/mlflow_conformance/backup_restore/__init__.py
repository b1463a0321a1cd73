# SPDX-License-Identifier: Apache-2.0
"""What the checks of backup and restore (BKP) are made of."""
