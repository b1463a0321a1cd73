# SPDX-License-Identifier: Apache-2.0
"""What the checks of autoscaling (HPA) are made of."""
