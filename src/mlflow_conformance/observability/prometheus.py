# SPDX-License-Identifier: Apache-2.0
"""What a Prometheus answers, by its HTTP API (prometheus.io/docs, "Querying", "HTTP API")."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import Sender

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+)(ms|[smhd])")


class NoAnswer(Exception):  # noqa: N818 - an observation rather than a defect
    """Prometheus did not answer a question, such as a query that is no PromQL."""


@dataclass(frozen=True)
class ScrapeTarget:
    """Something that Prometheus scrapes.

    Attributes:
        pool: the part of its configuration that it is from; see `MonitorEndpoint.pool`.
        health: ``up``, ``down``, or ``unknown`` before the first scrape.
        error: of the last scrape; empty when there was none.
    """

    pool: str
    url: str
    labels: Mapping[str, str]
    health: str
    error: str
    interval_s: float

    @property
    def address(self) -> str:
        """The host that is scraped."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Sample:
    """One series at one moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Track:
    """One series over some time: moments, in seconds since 1970, with its values."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Alert:
    """One alert as it is loaded.

    Attributes:
        for_s: how long its expression must hold before it fires.
        state: ``inactive``, ``pending`` or ``firing``.
        error: of the last evaluation; empty when there was none.
    """

    name: str
    for_s: float
    state: str
    error: str


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus, asked once for each question.

    Attributes:
        url: without a trailing slash.
    """

    send: Sender
    url: str
    timeout_s: float

    def targets(self) -> list[ScrapeTarget]:
        """Everything that it scrapes now.

        Raises:
            NoReply, NoAnswer: it does not answer.
        """
        found = self._asked("targets", state="active")["activeTargets"]
        return [
            ScrapeTarget(
                pool=each["scrapePool"],
                url=each["scrapeUrl"],
                labels=each["labels"],
                health=each["health"],
                error=each["lastError"],
                interval_s=seconds(each["scrapeInterval"]),
            )
            for each in found
        ]

    def pools(self) -> Sequence[str]:
        """The names of all parts of its configuration that say what is scraped.

        Raises:
            NoReply, NoAnswer: it does not answer.
        """
        pools: list[str] = self._asked("scrape_pools")["scrapePools"]
        return pools

    def query(self, expression: str) -> list[Sample]:
        """What a query brings now; a scalar is one sample without labels.

        Raises:
            NoReply, NoAnswer: it does not answer, or the expression is wrong.
        """
        found = self._asked("query", query=expression)
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(each["metric"], float(each["value"][1])) for each in found["result"]]

    def over(self, expression: str, since: float, until: float, step_s: float) -> list[Track]:
        """What a query brings at moments that are this far apart; a scalar has no labels.

        Args:
            since, until: seconds since 1970; the first of the moments, and the last at most.

        Raises:
            NoReply, NoAnswer: it does not answer, or the expression is wrong.
        """
        found = self._asked(
            "query_range",
            query=expression,
            start=f"{since:.3f}",
            end=f"{until:.3f}",
            step=f"{step_s:.3f}",
        )["result"]
        return [
            Track(each["metric"], [(float(at), float(value)) for at, value in each["values"]])
            for each in found
        ]

    def values(self, label: str, matching: str = "") -> list[str]:
        """All values of a label, of series that a selector matches if there is one.

        Raises:
            NoReply, NoAnswer: it does not answer, or the selector is wrong.
        """
        query = {"match[]": matching} if matching else {}
        found: list[str] = self._asked(f"label/{quote(label, safe='')}/values", **query)
        return found

    def alerts(self) -> list[Alert]:
        """Every alert that is loaded.

        Raises:
            NoReply, NoAnswer: it does not answer.
        """
        groups = self._asked("rules", type="alert")["groups"]
        return [
            Alert(
                name=rule["name"],
                for_s=rule["duration"],
                state=rule["state"],
                error=rule.get("lastError") or "",
            )
            for group in groups
            for rule in group["rules"]
        ]

    def alertmanagers(self) -> list[str]:
        """The URLs to which it sends alerts that fire.

        Raises:
            NoReply, NoAnswer: it does not answer.
        """
        return [each["url"] for each in self._asked("alertmanagers")["activeAlertmanagers"]]

    def _asked(self, what: str, **query: str) -> Any:
        address = f"{self.url}/api/v1/{what}"
        if query:
            address += f"?{urlencode(query)}"
        reply = self.send("GET", address, headers={}, body=None, timeout_s=self.timeout_s)
        try:
            said: Any = reply.json()
            if said["status"] == "success":
                return said["data"]
            why = f"{said.get('errorType')}: {said.get('error')}"
        except (ValueError, KeyError, TypeError):
            why = brief(reply.text)
        raise NoAnswer(f"Prometheus answered {reply.status} to {what}: {why}")


def seconds(duration: str) -> float:
    """A duration as Prometheus writes it, such as ``1m30s``.

    Raises:
        ValueError: it is none.
    """
    parts = _DURATION.findall(duration)
    if not parts or "".join(n + unit for n, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)
