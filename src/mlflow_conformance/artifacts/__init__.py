# SPDX-License-Identifier: Apache-2.0
"""What the checks of artifacts (ART) are made of."""
