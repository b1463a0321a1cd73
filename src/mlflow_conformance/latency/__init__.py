# SPDX-License-Identifier: Apache-2.0
"""What the checks of latency (LAT), and the SLA command, are made of."""
