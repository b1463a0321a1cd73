# SPDX-License-Identifier: Apache-2.0
"""What the checks of network policy (NET) are made of: pods that try connections."""
