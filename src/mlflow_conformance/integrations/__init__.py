# SPDX-License-Identifier: Apache-2.0
"""What the checks of integrations (INT) are made of."""
