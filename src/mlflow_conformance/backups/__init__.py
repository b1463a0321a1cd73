# SPDX-License-Identifier: Apache-2.0
"""Backup and restore as a deployment's users do them, and what is needed to judge them.

`terminal` runs the documented lines, `jobs` follows the Jobs that they make, `store` reads what is
in the bucket, `workbench` and `forge` put there what should not be there, `retention` says what
should have been deleted, `database` and `pulse` watch the live data, and `rehearsal` makes one
honest backup while writers go on.
"""
