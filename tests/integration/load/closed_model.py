# SPDX-License-Identifier: Apache-2.0
"""Plain Locust as its documentation has it: users who wait for a reply before they send again."""

from locust import FastHttpUser, constant_throughput, task


class ClosedModelUser(FastHttpUser):  # type: ignore[misc] # Locust has no types
    """Fifty requests a second, unless the server is slow."""

    wait_time = constant_throughput(50)

    @task  # type: ignore[untyped-decorator]
    def health(self) -> None:
        """One request."""
        self.client.get("/health")
