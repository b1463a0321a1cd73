# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: what a check does becomes its verdict, and nothing else does."""

import gc
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

import shipped
from checkouts import forget_suites
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import CheckFinished, RunEnded, RunStarted
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from repository import ROOT

pytest_plugins = ["pytester"]


@dataclass(frozen=True)
class Outcome:
    """What a run left."""

    code: int
    stdout: str
    stderr: str
    log: Path

    @property
    def verdict(self) -> RunVerdict:
        return judge(read(self.log))

    @property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        return {c.id: (c.verdict.value, c.reason) for c in self.verdict.checks}

    @property
    def records(self) -> list[CheckFinished]:
        return [e for e in read(self.log) if isinstance(e, CheckFinished)]


Run = Callable[..., Outcome]


@pytest.fixture
def run(checkout: Path, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs pytest with the plugin on the checkout's suites."""

    def start(*arguments: str, local: bool = True) -> Outcome:
        folder = tmp_path / "out"
        capsys.readouterr()
        code = pytest.main(
            [
                str(checkout / "suites"),
                *("--profile", "k3d", "--output", str(folder)),
                *(("--tracking-uri", server) if local else ()),
                *(f"--rootdir={checkout}", f"--confcutdir={checkout}", "--import-mode=importlib"),
                *("--disable-plugin-autoload", "-p", "mlflow_conformance.run.plugin"),
                *("-p", "no:cacheprovider", "-p", "no:unraisableexception"),
                *("--tb=short", "-q", *arguments),
            ]
        )
        said = capsys.readouterr()
        forget_suites()
        return Outcome(int(code), said.out, said.err, folder / "evidence.jsonl")

    return start


def write_check(checkout: Path, body: str, more: str = "") -> None:
    """Replace the suites by one check, AAA-1, and the profile's rows by its row."""
    (checkout / "suites/tracking/test_numbers.py").write_text(
        "import os, signal, sys, time\n"
        "import pytest\n"
        "from mlflow_conformance.doors.http import NoReply\n"
        "from botocore.exceptions import NoCredentialsError\n"
        "from mlflow_conformance.core.errors import Undecided, Unusable\n"
        "from mlflow_conformance.evidence.case import check\n"
        f"{dedent(more)}\n"
        '@check("AAA-1", impact="i", remedy="r")\n'
        "def test_one(evidence, request):\n"
        "    '''One is one.'''\n" + "".join(f"    {line}\n" for line in dedent(body).splitlines())
    )
    profile = (checkout / "profiles/k3d.yaml").read_text()
    rows = profile.index("checks:")
    (checkout / "profiles/k3d.yaml").write_text(
        profile[:rows] + "checks:\n  AAA-1: {promise: One is one}\n"
    )


GOOD = 'evidence.expect("one", "one", 1, "==", 1)\n'
BAD = 'evidence.expect("one", "one", 2, "==", 1)\n'
MOST = """
from mlflow_conformance.config.thresholds import Thresholds
class Most(Thresholds):
    most: int
evidence.row(Most)
"""
FIXTURE = """
    @pytest.fixture
    def thing():
        {before}
        yield
        {after}
    """


@pytest.mark.parametrize(
    ("body", "verdict", "reason", "code"),
    [
        (GOOD, "pass", "1 observation within bounds", 0),
        (BAD, "fail", "one: 2, promised = 1", 1),
        (GOOD + BAD, "fail", "one: 2, promised = 1", 1),
        ("pass", "unknown", "observed nothing that has a bound", 2),
        ('evidence.note("n", 1)', "unknown", "observed nothing that has a bound", 2),
        (GOOD + 'evidence.undecided("no way in")', "unknown", "no way in", 2),
        (BAD + 'evidence.undecided("no way in")', "fail", "one: 2, promised = 1", 1),
        (GOOD + 'pytest.skip("not today")', "unknown", "skipped: not today", 2),
        (GOOD + 'pytest.xfail("known")', "unknown", "ended with", 2),
        (GOOD + 'pytest.fail("no")', "unknown", "ended with", 2),
        (GOOD + "assert False", "unknown", "ended with AssertionError", 2),
        (GOOD + "raise ValueError('x')", "unknown", "ended with ValueError: x", 2),
        (GOOD + "sys.exit(0)", "unknown", "ended with SystemExit: 0", 2),
        (GOOD + "raise NoReply('reset', 'd', 1)", "unknown", "NoReply: reset after 1.00 s: d", 2),
        (
            GOOD + "raise Unusable('No room', remedy='Make some')",
            "unknown",
            "No room. Make some.",
            2,
        ),
        (
            GOOD + "raise NoCredentialsError()",
            "unknown",
            "which that client cannot use from here (Unable to locate credentials)",
            2,
        ),
        (GOOD + MOST, "unknown", "the thresholds of AAA-1 cannot be used: 1 validation error", 2),
        ('evidence.expect("one", "one", "1", "<=", 1)', "unknown", "TypeError", 2),
        ('evidence.expect("one", "one", object(), "==", 1)', "unknown", "TypeError", 2),
    ],
)
def test_what_a_check_does_is_its_verdict(
    run: Run, checkout: Path, body: str, verdict: str, reason: str, code: int
) -> None:
    write_check(checkout, body)
    outcome = run()
    assert outcome.verdicts["AAA-1"][0] == verdict
    assert reason in outcome.verdicts["AAA-1"][1]
    assert outcome.code == code
    assert re.fullmatch(TOLD.format(f"1/1] AAA-1: {verdict}", ""), outcome.stderr)


@pytest.mark.parametrize(
    ("before", "after", "body", "verdict", "reason"),
    [
        ("raise OSError('disk')", "", GOOD, "unknown", "ended with OSError: disk"),
        ("pytest.skip('no GPU')", "", GOOD, "unknown", "skipped: no GPU"),
        ("raise Undecided('no way in')", "", GOOD, "unknown", "no way in"),
        ("", "raise OSError('disk')", GOOD, "unknown", "ended with OSError: disk"),
        ("", "raise OSError('disk')", BAD, "fail", "one: 2, promised = 1"),
        ("", "raise Undecided('not put back')", GOOD, "unknown", "not put back"),
        ("", "pass", GOOD, "pass", "1 observation"),
    ],
)
def test_what_its_fixtures_do_counts_too(
    run: Run, checkout: Path, before: str, after: str, body: str, verdict: str, reason: str
) -> None:
    more = FIXTURE.format(before=before or "pass", after=after or "pass")
    write_check(checkout, body, more + "\n    pytestmark = pytest.mark.usefixtures('thing')")
    seen = run().verdicts["AAA-1"]
    assert seen[0] == verdict
    assert reason in seen[1]


def test_a_record_tells_what_the_time_was_spent_on(checkout: Path, run: Run) -> None:
    more = """
    @pytest.fixture
    def thing(waiter):
        waiter.until("x", iter([0, 1]).__next__, done=bool, timeout="rollout", interval_s=0.1)
        yield
        waiter.until("x", iter([0, 1]).__next__, done=bool, timeout="pod ready", interval_s=0.1)
    """
    write_check(checkout, 'request.getfixturevalue("thing")\n' + GOOD, more)
    (record,) = run().records
    spent = record.spent
    assert spent is not None
    assert set(spent.waited_s) == {"rollout", "pod ready"}
    assert min(spent.waited_s.values()) >= 0.1
    assert spent.call_s >= 0.1
    assert spent.teardown_s >= 0.1
    assert spent.setup_s < record.duration_s
    assert spent.cpu_s > 0


@pytest.mark.parametrize("mark", ["skip", "xfail", "skipif(True, reason='why')"])
def test_no_mark_excuses_a_check(run: Run, checkout: Path, mark: str) -> None:
    write_check(checkout, BAD, f"pytestmark = pytest.mark.{mark}")
    assert run().code in (1, 2)


def test_checks_run_in_the_profiles_order(run: Run) -> None:
    outcome = run()
    assert [r.id for r in outcome.records] == ["AAA-2", "AAA-1"]
    assert outcome.code == 0
    assert outcome.verdict.run.left_out == {
        "AAA-3": "not in this tier",
        "AAA-9": "disturbs the deployment",
    }


@pytest.fixture
def attached(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the checks as on a cluster that exists."""

    @contextmanager
    def opened(*_: object) -> Iterator[None]:
        yield  # these checks use no door

    monkeypatch.setattr("mlflow_conformance.run.plugin.opened", opened)
    return run


def test_what_is_not_allowed_is_unknown(attached: Run) -> None:
    outcome = attached("--context", "prod", local=False)
    assert outcome.verdicts["AAA-9"][0] == "unknown"
    assert "--without-disruption that it is not asked for" in outcome.verdicts["AAA-9"][1]
    assert outcome.verdict.run.left_out == {"AAA-3": "not in this tier"}
    assert outcome.code == 2
    assert "1 of 3 checks could not be decided: AAA-9. 2 of the profile's 4 checks were" in (
        " ".join(outcome.stdout.split())
    )


def test_what_is_not_wanted_is_left_out(attached: Run) -> None:
    outcome = attached("--context", "prod", "--without-disruption", local=False)
    assert outcome.verdict.run.left_out == {
        "AAA-3": "not in this tier", "AAA-9": "disturbs the deployment",
    }  # fmt: skip
    assert outcome.code == 0


def test_what_is_allowed_is_run(attached: Run) -> None:
    outcome = attached("--context", "prod", "--allow-disruption", local=False)
    assert outcome.verdicts["AAA-9"][0] == "pass"


def test_of_what_was_selected_by_a_word_what_is_not_allowed_is_unknown(attached: Run) -> None:
    outcome = attached("--context", "prod", "-k", "test_nine or test_one", local=False)
    assert {i: v for i, (v, _) in outcome.verdicts.items()} == {"AAA-1": "pass", "AAA-9": "unknown"}
    assert outcome.verdict.run.left_out["AAA-2"] == "not selected"


def test_a_read_only_run_holds_what_writes_to_nothing(attached: Run, checkout: Path) -> None:
    path = checkout / "suites/tracking/test_numbers.py"
    source = path.read_text()
    for number, writes in (("1", "()"), ("2", '("runner",)'), ("9", '("mlflow", "cluster")')):
        source = source.replace(f'"AAA-{number}",', f'"AAA-{number}", writes={writes},')
    path.write_text(source)
    outcome = attached("--context", "prod", "--read-only", "--tier", "thorough", local=False)
    assert {i: v for i, (v, _) in outcome.verdicts.items()} == {"AAA-1": "pass"}
    assert outcome.verdict.run.left_out == {
        "AAA-2": "needs a runner pod",
        "AAA-3": "does not say what it writes to",
        "AAA-9": "writes to MLflow, the cluster",
    }


def test_a_tier_has_the_cheaper_ones_too(run: Run) -> None:
    assert [r.id for r in run("--tier", "thorough").records] == ["AAA-2", "AAA-1", "AAA-3"]


@pytest.mark.parametrize("arguments", [("--check", "AAA-1"), ("-k", "AAA-1"), ("-k", "test_one")])
def test_one_check_by_name(run: Run, arguments: tuple[str, str]) -> None:
    outcome = run(*arguments)
    assert [r.id for r in outcome.records] == ["AAA-1"]
    assert outcome.code == 0
    assert outcome.verdict.run.left_out["AAA-2"] == "not selected"


def test_an_expected_check_that_does_not_report_is_unknown(run: Run) -> None:
    outcome = run("--deselect", "suites/tracking/test_numbers.py::test_one")
    assert outcome.verdicts["AAA-1"][0] == "unknown"
    assert "never reported" in outcome.verdicts["AAA-1"][1]
    assert outcome.code == 2


def test_stopping_at_the_first_failure_leaves_the_rest_unknown(run: Run, checkout: Path) -> None:
    path = checkout / "suites/tracking/test_numbers.py"
    path.write_text(path.read_text().replace('"two", 2', '"two", 3'))
    outcome = run("-x")
    assert {i: v for i, (v, _) in outcome.verdicts.items()} == {"AAA-2": "fail", "AAA-1": "unknown"}
    assert outcome.code == 1


def test_a_waiver_excuses_and_is_shown(run: Run, checkout: Path) -> None:
    write_check(checkout, BAD)
    with (checkout / "profiles/k3d.yaml").open("a") as file:
        file.write("waivers: [{id: AAA-1, reason: the vendor mends it, expires: 2999-01-01}]\n")
    outcome = run()
    assert outcome.verdicts["AAA-1"][0] == "waived"
    assert outcome.code == 0
    assert "the vendor mends it" in outcome.stdout


def test_the_run_is_described(run: Run, server: str) -> None:
    outcome = run("--seed", "7")
    start, *_, end = read(outcome.log)
    assert isinstance(start, RunStarted)
    assert isinstance(end, RunEnded)
    assert (start.seed, start.profile, end.interrupted) == (7, "k3d", None)
    assert start.target["tracking_uris"] == [server]
    assert [e.id for e in start.expected] == ["AAA-2", "AAA-1"]


def test_reports_stand_beside_the_evidence(run: Run) -> None:
    outcome = run()
    assert {p.name for p in outcome.log.parent.iterdir()} == {
        "evidence.jsonl", "report.html", "junit.xml", "summary.md", "verdict.json",
    }  # fmt: skip
    assert "AAA-1" in outcome.stdout
    assert str(outcome.log) in outcome.stdout


def test_no_secret_is_written(run: Run, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "evidence.note('n', 'the hidden/word and the-other-one')\n" + GOOD
    write_check(checkout, body)
    dsn = "postgresql://reader:hidden%2Fword@localhost/mlflow"
    monkeypatch.setattr(sys, "argv", ["mlflow-conformance", "--sql-dsn", dsn])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-account")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-other-one")
    outcome = run("--sql-dsn", dsn, "--s3-bucket", "b")
    written = "".join(p.read_text() for p in outcome.log.parent.iterdir())
    for secret in ("hidden/word", "hidden%2Fword", "the-other-one"):
        assert secret not in written


def test_the_seed_replays_random_choices(run: Run, checkout: Path) -> None:
    write_check(
        checkout, "evidence.expect('n', 'n', request.getfixturevalue('rng').random(), '>=', 0)"
    )
    outcome = run("--seed", "7")
    first = outcome.records[0].observations[0].observed
    outcome.log.unlink()
    assert run("--seed", "7").records[0].observations[0].observed == first
    outcome.log.unlink()
    assert run("--seed", "8").records[0].observations[0].observed != first


@pytest.mark.parametrize("door", ["kube", "sql", "bucket"])
def test_a_door_that_the_target_lacks_is_unknown(run: Run, checkout: Path, door: str) -> None:
    write_check(checkout, f"request.getfixturevalue('{door}')")
    verdict, reason = run().verdicts["AAA-1"]
    assert verdict == "unknown"
    assert "not in a Kubernetes cluster" in reason or "no s" in reason


def test_collecting_alone_touches_nothing(run: Run) -> None:
    outcome = run("--collect-only")
    assert outcome.code == 0
    assert outcome.stdout.index("test_two") < outcome.stdout.index("test_one")
    assert not outcome.log.parent.exists()


def test_nothing_happens_without_a_profile(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass\ndef test_skip():\n import pytest; pytest.skip('x')")
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1, skipped=1)
    assert [p.suffix for p in pytester.path.iterdir() if p.is_file()] == [".py"]


TOLD = r"\[ +\d+\.\d s\] \[ {} after 0\.\d\d s{}\n"
"""The line of a check that ended: which of how many and how, and what is next."""
REFUSED = [
    (("--check", "AAA-7"), "There is no check 'AAA-7', did you mean 'AAA-"),
    (("--check", "AAA-3"), "The profile k3d does not expect AAA-3 in the tier gate"),
    (("--check", "AAA-9"), "AAA-9 disturbs the deployment"),
    (("--check", "AAA-1", "-k", "AAA-2"), "AAA-1 is not among the checks that were collected"),
    (("-k", "nothing_of_the_kind"), "No check was selected"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED)
def test_a_selection_that_cannot_be_meant_is_refused(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    outcome = run(*arguments)
    assert outcome.code == 3
    assert told in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not outcome.log.parent.exists()


PARAMETERS = """
@pytest.mark.parametrize('n', [1, 2])
@check("AAA-1", impact="i", remedy="r")
def test_one(evidence, n):
    '''One.'''
"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_module", "The suites cannot be collected"),
        (PARAMETERS, "The check AAA-1 is more than one test"),
    ],
)
def test_suites_that_cannot_be_meant_are_refused(
    run: Run, checkout: Path, source: str, told: str
) -> None:
    write_check(checkout, "pass")
    path = checkout / "suites/tracking/test_numbers.py"
    head = path.read_text().split("@check")[0]
    keep = "" if "@check" in source else "@check" + path.read_text().split("@check")[1]
    path.write_text(f"{head}{keep}\n{source}")
    outcome = run()
    assert (outcome.code, told in outcome.stderr) == (3, True)
    assert not outcome.log.parent.exists()


LAUNCH = """
import sys
from pathlib import Path
from mlflow_conformance import cli
from mlflow_conformance.config import assets
root = Path(sys.argv.pop(1))
assets.root = lambda: root
cli.main()
"""


@dataclass
class Started:
    """A command that goes on."""

    process: subprocess.Popen[str]
    folder: Path

    def wait_for(self, name: str) -> None:
        deadline = time.monotonic() + 120
        while not (self.folder / name).exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def ended(self) -> tuple[int, str]:
        _, stderr = self.process.communicate(timeout=120)
        return self.process.returncode, stderr


LONG = """
import pathlib, time
import pytest
from mlflow_conformance.evidence.case import check

@check("AAA-1", impact="i", remedy="r")
def test_one(evidence, broken):
    '''One is one.'''
    evidence.expect("one", "one", 1, "==", 1)
    (pathlib.Path(FOLDER) / "going-on").touch()
    time.sleep(60)

@check("AAA-2", impact="i", remedy="r")
def test_two(evidence):
    '''Two is two.'''
    evidence.expect("two", "two", 2, "==", 2)

@pytest.fixture
def broken(target):
    yield
    time.sleep(0.3)  # long enough for a second signal to fall into the clean-up
    assert target.inside.call("ping") == "pong"
    (pathlib.Path(FOLDER) / "put-back").touch()
"""


@pytest.fixture
def started(checkout: Path, server: str, tmp_path: Path) -> Iterator[Started]:
    """The command, in a process of its own, in the middle of its second check."""
    write_check(checkout, "pass")
    profile = checkout / "profiles/k3d.yaml"
    profile.write_text(
        profile.read_text().replace("  AAA-1:", "  AAA-2: {promise: Two is two}\n  AAA-1:")
    )
    source = checkout / "suites/tracking/test_numbers.py"
    source.write_text(LONG.replace("FOLDER", repr(str(tmp_path))))
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", LAUNCH, str(checkout), "semantics"),
            *("--tracking-uri", server, "--output", str(tmp_path / "out")),
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Started(process, tmp_path)
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "signals",
    # Each of them by itself: see the tests of the command.
    [(signal.SIGHUP,), (signal.SIGINT, signal.SIGTERM)],
)
def test_a_signal_puts_back_what_was_broken(
    started: Started, signals: tuple[signal.Signals, ...]
) -> None:
    started.wait_for("going-on")
    for number in signals:
        started.process.send_signal(number)
        time.sleep(0.1)
    code, stderr = started.ended()
    told, _, said = stderr.partition("\n")
    assert re.fullmatch(TOLD.format("1/2] AAA-2: pass", "; next is AAA-1"), told + "\n")
    assert (code, said) == (
        3, "mlflow-conformance: The run was stopped by a signal. Run it again for a verdict.\n"
    )  # fmt: skip
    assert (started.folder / "put-back").exists()
    verdict = judge(read(started.folder / "out" / "evidence.jsonl"))
    assert verdict.end is not None
    assert verdict.end.interrupted == "stopped by a signal"
    assert {c.id: c.verdict.value for c in verdict.checks} == {"AAA-2": "pass", "AAA-1": "unknown"}
    assert (started.folder / "out" / "report.html").exists()


def test_a_kill_loses_the_check_that_went_on_and_no_other(started: Started) -> None:
    started.wait_for("going-on")
    started.process.kill()
    started.ended()
    verdict = judge(read(started.folder / "out" / "evidence.jsonl"))
    assert verdict.end is None
    assert {c.id: c.verdict.value for c in verdict.checks} == {"AAA-2": "pass", "AAA-1": "unknown"}
    assert verdict.exit_code == 2


def test_every_shipped_check_can_be_collected(capsys: pytest.CaptureFixture[str]) -> None:
    gc.freeze()  # see the fixture `checkout`
    try:
        for name in shipped.PROFILES:  # the suites are imported for the first one alone
            code = pytest.main(
                [
                    *(str(ROOT / "suites"), "--collect-only", "-q", "--profile", name),
                    *(f"--rootdir={ROOT}", f"--confcutdir={ROOT}", "-p", "no:cacheprovider"),
                    "--override-ini=addopts=--import-mode=importlib",
                    *("--disable-plugin-autoload", "-p", "mlflow_conformance.run.plugin"),
                ]
            )
            said = capsys.readouterr()
            assert code == 0, said.out + said.err
            assert " tests collected " in said.out
    finally:
        forget_suites()


def test_a_record_is_one_line_that_a_machine_can_read(run: Run) -> None:
    lines = run().log.read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["run", "check", "check", "end"]
