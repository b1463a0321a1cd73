# SPDX-License-Identifier: Apache-2.0
"""What everything may use: errors, waits, signals, paths, programs. Uses nothing of the package."""
