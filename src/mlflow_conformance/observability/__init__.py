# SPDX-License-Identifier: Apache-2.0
"""What the checks of observability (OBS) are made of."""
