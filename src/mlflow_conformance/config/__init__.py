# SPDX-License-Identifier: Apache-2.0
"""What people write, read strictly: profiles, guides, the catalogue of checks; and where it is."""
