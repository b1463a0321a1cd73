# SPDX-License-Identifier: Apache-2.0
"""Things broken on purpose, each undone and verified to be undone."""
