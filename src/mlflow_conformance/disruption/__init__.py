# SPDX-License-Identifier: Apache-2.0
"""What the checks of disruption (DIS) are made of: faults, each verified to be undone."""
