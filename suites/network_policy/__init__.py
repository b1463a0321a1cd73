# SPDX-License-Identifier: Apache-2.0
"""NET. A package, so that its probe pods last for all of its checks and are gone before others."""
