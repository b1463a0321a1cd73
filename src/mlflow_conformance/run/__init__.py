# SPDX-License-Identifier: Apache-2.0
"""One run: the pytest plugin, the session, its fixtures, and commands that are runs as well."""
