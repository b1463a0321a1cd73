# SPDX-License-Identifier: Apache-2.0
"""What the checks of the model registry (REG) are made of."""
