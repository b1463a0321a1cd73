# SPDX-License-Identifier: Apache-2.0
"""DIS. A package, so that one load goes on over the faults of all of its modules."""
