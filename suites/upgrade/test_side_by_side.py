# SPDX-License-Identifier: Apache-2.0
"""UPG-4: the version that is deployed and the one that it is upgraded to, beside each other."""

from collections.abc import Sequence
from re import Pattern

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load import seeding, workload
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.stand.versions import image_of
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade import paired, settings, skew
from mlflow_conformance.upgrade.api_answers import BREAKING, AnswerDifference, differences
from mlflow_conformance.upgrade.api_playing import play
from mlflow_conformance.upgrade.configured import configured, deployed
from mlflow_conformance.upgrade.latency import PairedRuns, RunsCompared, compare_runs
from mlflow_conformance.upgrade.pair import ServerPair
from mlflow_conformance.upgrade.thresholds import (
    ApiAnswers,
    ClientSkew,
    KnownSettings,
    LatencyCompared,
)


@check(
    "UPG-4.options",
    impact="The new version does not start, or ignores a setting in use.",
    remedy="Take the option or variable out of the values, or set what has taken its place.",
    writes=("mlflow", "cluster"),
)
def test_configuration_is_known(
    evidence: Evidence, target: Target, server_images: tuple[str, str], waiter: Waiter
) -> None:
    """The new version has every option and variable that the deployed configuration sets.

    Preconditions: the image of the new version is on the cluster's nodes.
    Steps:
        1. Start the old and the new image, each in the Deployment's own environment, without a
           server.
        2. Let each one's own parser read the Deployment's command line, and ask it for its
           options, its variables and their defaults.

    Expected: the new one refuses nothing, and reads every variable of MLflow that is set, but for
    those that the profile knows to be read by nobody.
    """
    row = evidence.row(KnownSettings)
    words, image = deployed(target)
    with configured(target, image, waiter) as python:
        a = settings.settings_of(python, words)
    with configured(target, server_images[1], waiter) as python:
        b = settings.settings_of(python, words)
    evidence.note("versions", [a.version, b.version])
    evidence.note("options and variables that are set", sorted({*a.used, *a.set}))
    evidence.expect(
        "refused", "what the new version says against the command line", b.refused, "==", None,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "unread", "variables that are set and that the new version does not read",
        settings.unread(a, b, row.unread), "==", [], door="kubernetes",
    )  # fmt: skip
    evidence.note("options that the new version calls deprecated", b.deprecated)
    evidence.note("defaults that change and are not set here", settings.other_defaults(a, b))


@check(
    "UPG-4.api",
    impact="Programs that call MLflow's API fail, or miss what they read.",
    remedy="Change the programs that use what is listed before the upgrade, or wait for a release "
    "that has it again.",
    writes=("mlflow", "cluster"),
)
def test_answers_are_the_same(
    evidence: Evidence, pair: ServerPair, inside: Inside, unique: Unique, conformance_run: Run
) -> None:
    """The new version answers the old one's API with the same statuses, fields and types.

    Preconditions: the pair stands.
    Steps:
        1. Read from the old version's own definition every call with its fields; make a request
           of each about what is there, about what is not there, and about nothing, and those of
           the workloads.
        2. Play them against both, each on its own copy of the data.

    Expected: nothing that worked is refused, no field is gone and none has another type, and what
    is refused has the same status and error code, but for what the profile expects. New fields,
    other words of a refusal and versions are told apart.
    """
    row = evidence.row(ApiAnswers)
    played = play(pair, inside, unique("api"), conformance_run.seed)
    found = differences([q.name for q in played.asked], played.a, played.b)
    evidence.note("versions", [pair.a.version, pair.b.version], door="inside")
    evidence.note("requests", len(played.asked), door="inside")
    calls = {q.call for q in played.asked}
    evidence.note("calls that A answered with what was asked for", played.answered, door="inside")
    evidence.note("calls that A only refused", sorted(calls - {*played.answered}), door="inside")
    if len(played.answered) < row.answered:
        evidence.undecided(
            f"A answered {len(played.answered)} of its calls, and {row.answered} are needed"
        )
    breaking = [d for d in found if d.kind in BREAKING]
    for kind in ("new", "page", "better"):
        told = [str(d) for d in found if d.kind == kind]
        evidence.note(f"differences that break no client: {kind}", told, door="inside")
    evidence.note("differences that are meant", _meant(breaking, row.expected), door="inside")
    unmeant = [d for d in breaking if str(d) not in _meant(breaking, row.expected)]
    evidence.expect(
        "worse", "requests that worked and do not", _of(unmeant, "worse"), "==", [], door="inside"
    )
    evidence.expect("gone", "fields that are gone", _of(unmeant, "gone"), "==", [], door="inside")
    evidence.expect(
        "types", "fields of another type", _of(unmeant, "type"), "==", [], door="inside"
    )
    evidence.expect(
        "refusals", "refusals with another status or error code", _of(unmeant, "refusal"), "==", [],
        door="inside",
    )  # fmt: skip


def _meant(found: Sequence[AnswerDifference], expected: Sequence[Pattern[str]]) -> list[str]:
    return [str(d) for d in found if any(e.fullmatch(str(d)) for e in expected)]


def _of(found: Sequence[AnswerDifference], kind: str) -> list[str]:
    return [str(d) for d in found if d.kind == kind]


@check(
    "UPG-4.skew",
    impact="Jobs with a client older or newer than the server fail.",
    remedy="Upgrade those clients together with the server, or the server first.",
    writes=("mlflow", "cluster"),
)
def test_clients_of_other_versions_work(
    evidence: Evidence,
    pair: ServerPair,
    server_images: tuple[str, str],
    unique: Unique,
    conformance_run: Run,
) -> None:
    """Clients of the old version and older ones work at the new one, and B's client at A.

    Preconditions: the pair stands; the images of the clients are on the cluster's nodes.
    Steps: with each client, against each server: log, search, fetch, log a model, register, load,
    alias, stage, trace, change and delete, without the client's retries.
    Expected: what a client can do at A it can do at B; what B's client can do at B it can do at A,
    but for what the profile knows.
    """
    row = evidence.row(ClientSkew)
    older = [image_of(v) for v in conformance_run.loaded.profile.upgrade.clients]
    clients = []
    for image in [*older, *server_images]:
        with pair.client(image) as python:
            version = image.rpartition(":")[2]
            clients.append(skew.tried(pair, python, version, unique(version)))
    *_, own, upgraded = clients
    evidence.note("clients by servers", skew.matrix(clients), door="inside")
    for client in clients[:-1]:
        evidence.expect(
            "lost", f"what the client of {client.version} cannot do any more", client.lost, "==",
            [], door="inside",
        )  # fmt: skip
    unknown = [e for e in upgraded.ahead if not any(r.fullmatch(e) for r in row.refused)]
    evidence.expect("ahead", "what B's client can do at B alone", unknown, "==", [], door="inside")
    evidence.expect(
        "own", "what B's client cannot do at B", [e for e in upgraded.at_b.values() if e], "==", [],
        door="inside",
    )  # fmt: skip
    if broken := [name for name, error in own.at_a.items() if error]:
        evidence.undecided(f"A's own client does not work at A: {', '.join(broken)}")


@check(
    "UPG-4.latency",
    impact="Everybody waits longer than before.",
    remedy="See which operations are slower, and give the new version more CPU, workers or pods.",
    writes=("mlflow", "cluster"),
)
def test_latency_is_no_worse(
    evidence: Evidence, pair: ServerPair, unique: Unique, conformance_run: Run
) -> None:
    """The new version takes no longer than the old one under the same load.

    Preconditions: the pair stands.
    Steps: send every request of one open-model load to both, A B B A A B B A …, on the same node
    and data; take the p95 of each run of some seconds, and from the runs, in pairs, an interval
    for the ratio; likewise from the median of each operation.
    Expected: no interval lies above what is tolerated. One that is too wide to have shown a
    difference decides nothing.
    """
    row = evidence.row(LatencyCompared)
    runs = PairedRuns(row.pairs, row.rate, row.run_s, row.rest_s)
    name = unique("latency")
    servers = [(s.url, seeding.make(s.api, name)) for s in (pair.a, pair.b)]
    plan = runs.plan(workload.load(row.workload), conformance_run.seed, *servers)
    folder = conformance_run.folder.path / "side-by-side"
    folder.mkdir(exist_ok=True)
    with conformance_run.phase("load side by side"), pair.load(plan, folder) as load:
        record = load.wait()
    compared = compare_runs(record, runs, 0.95)
    interval = paired.compare(compared.pairs, row.confidence)
    sentence = interval.sentence("p95", row.tolerated, row.found)
    evidence.note("B's latency against A's", sentence, door="inside")
    milliseconds = [[round(1000 * s, 1) for s in pair] for pair in compared.pairs]
    evidence.note("p95 of each run, A and B", milliseconds, unit="ms", door="inside")
    evidence.note("median of each operation, A and B", compared.medians(), unit="s", door="inside")
    evidence.note("requests that failed at A", compared.failed[0], door="inside")
    evidence.expect(
        "failed", "requests that failed at B", compared.failed[1], "<=", row.failed, door="inside"
    )
    evidence.expect(
        "p95", "least that B's p95 is of A's", round(interval.least, 3), "<=", row.tolerated,
        door="inside", source=sentence,
    )  # fmt: skip
    wide = _expect_each_operation(evidence, compared, row)
    if interval.most > row.found:
        evidence.undecided(sentence)
    if wide:
        evidence.undecided("; ".join(wide))


def _expect_each_operation(
    evidence: Evidence, compared: RunsCompared, row: LatencyCompared
) -> list[str]:
    """Hold each operation's median against its bound; what could not be told of any."""
    wide = []
    for name, pairs in compared.typical.items():
        if len(pairs) < row.pairs / 2:
            wide.append(f"{name} was answered by both in {len(pairs)} of {row.pairs} pairs of runs")
            continue
        interval = paired.compare(pairs, row.confidence)
        sentence = interval.sentence(f"{name}'s median", row.each_tolerated, row.each_found)
        evidence.expect(
            "each.median", f"least that B's median is of A's: {name}", round(interval.least, 3),
            "<=", row.each_tolerated, door="inside", source=sentence,
        )  # fmt: skip
        if interval.most > row.each_found and interval.least <= row.each_tolerated:
            wide.append(sentence)
    return wide
