# SPDX-License-Identifier: Apache-2.0
"""The inside door: operations done where the runner is, asked for by this process.

`ops` does them, `agent` serves them over standard input and output inside the runner pod, `door`
asks. On a local target the same operations run in this process, so suites know no difference.
"""
