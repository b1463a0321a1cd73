# SPDX-License-Identifier: Apache-2.0
"""SEC-6: which names MLflow answers to, and which web pages may ask it."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import InsideSender
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import hosts
from mlflow_conformance.security.thresholds import Hosts
from mlflow_conformance.target.base import Target

_SEARCHES = tuple(f"/{api}/2.0/mlflow/experiments/search" for api in ("api", "ajax-api"))
"""The same search as clients and as MLflow's own pages send it."""


@check(
    "SEC-6",
    impact="A web page that a user visits can talk to MLflow, by DNS rebinding or by itself; or a "
    "legitimate name or MLflow's own page is refused.",
    remedy="List service names, ingress hosts and pod addresses in MLflow's --allowed-hosts, each "
    "with and without its port, and the origins of ingress hosts alone in --cors-allowed-origins.",
    writes=("runner",),
)
def test_foreign_hosts_are_refused(
    evidence: Evidence, target: Target, kube: Kube, rng: Random
) -> None:
    """MLflow answers its own names and pages, and refuses any other.

    Preconditions: a replica is ready.
    Steps: ask every replica for the API, with each Host header of the profile, and with names of
    others that are made up from each; send it a search, as web pages do, with the Origin of every
    host of the Ingresses that lead to MLflow, or of the front door, and with those of others; the
    latter also through the front door.
    Expected: its own names and pages are answered (or told to log in); foreign ones get 403, and
    foreign pages no leave to read the answer.
    """
    row = evidence.row(Hosts)
    replicas = target.replica_urls()
    if not replicas:
        evidence.undecided("no replica of MLflow is ready")
    front = target.front
    own = hosts.pages(
        kube.items("ingress"), target.names.mlflow.service, front.url if front else None
    )
    made_up = hosts.word(rng)
    foreign = hosts.foreign(row.own_hosts, row.foreign_hosts, made_up)
    origins = hosts.foreign_origins(own, made_up)
    evidence.note("MLflow's own pages", [page.origin for page in own], door="kubernetes")
    evidence.note("hosts and pages of others", [*foreign, *origins])
    for url in replicas:
        answers = {host: _asked(target, url, host) for host in [*row.own_hosts, *foreign]}
        evidence.expect(
            "hosts.own", f"{url}: own names that are refused",
            {h: answers[h] for h in row.own_hosts if answers[h] not in hosts.ANSWERED},
            "==", {}, door="inside",
        )  # fmt: skip
        evidence.expect(
            "hosts.foreign", f"{url}: foreign names that are not refused",
            {h: answers[h] for h in foreign if answers[h] != hosts.REFUSED},
            "==", {}, door="inside",
        )  # fmt: skip
        statuses = {
            f"{page.origin} {path}": _sent(_at(target, url, page.host), path, page.origin).status
            for page in own
            for path in _SEARCHES
        }
        if statuses:
            evidence.expect(
                "origins.own", f"{url}: MLflow's own pages that are refused",
                {page: status for page, status in statuses.items() if status not in hosts.ANSWERED},
                "==", {}, door="inside",
            )  # fmt: skip
        evidence.expect(
            "origins.foreign", f"{url}: foreign pages that are not refused",
            _let_in(_at(target, url, row.own_hosts[0]), origins), "==", {}, door="inside",
        )  # fmt: skip
    if front is not None:
        evidence.expect(
            "origins.foreign", "front door: foreign pages that are not refused",
            _let_in(front.api(), origins), "==", {}, door="front",
        )  # fmt: skip


def _at(target: Target, url: str, host: str) -> MlflowApi:
    """A replica, asked by a name."""
    return MlflowApi(url, InsideSender(target.inside), {**target.inside_headers, "Host": host})


def _asked(target: Target, url: str, host: str) -> int:
    return _at(target, url, host).request("GET", f"{_SEARCHES[0]}?max_results=1").status


def _sent(api: MlflowApi, path: str, origin: str) -> Reply:
    """What a search is answered that a web page sends."""
    page = replace(api, headers={**api.headers, "Origin": origin})
    return page.send("POST", path, {"max_results": 1})


def _let_in(api: MlflowApi, origins: Iterable[str]) -> dict[str, str]:
    """The pages that are answered or may read what they are answered, and how."""
    found: dict[str, str] = {}
    for origin in origins:
        for path in _SEARCHES:
            reply = _sent(api, path, origin)
            allowed = {k.lower(): v for k, v in reply.headers.items()}.get(
                "access-control-allow-origin"
            )
            if reply.status != hosts.REFUSED or allowed is not None:
                found[f"{origin} {path}"] = f"{reply.status}, readable by {allowed or 'nobody'}"
    return found
