# SPDX-License-Identifier: Apache-2.0
"""Open-model load: arrivals are planned, and latency counts from the planned time.

A closed-model user waits for a reply before it sends again, so a server that stalls is asked less
while it stalls and its percentiles look fine (coordinated omission). Here every arrival has its
time before the run begins, and what the sender could not keep up with voids the run.

Locust is the engine and runs as a process of its own; see `mlflow_conformance.load.engine`. What it
leaves is a file of records, one a request, and everything else is a pure function of that file.
"""
