# SPDX-License-Identifier: Apache-2.0
"""Bad input gets one sentence with its remedy and exit code 3, and leaves nothing behind."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from checkouts import forget_suites
from mlflow_conformance import cli
from mlflow_conformance.stand import images, machine
from mlflow_conformance.stand.claim import claim
from mlflow_conformance.stand.images import steps
from repository import RECORDS, ROOT

CLOSED = 1
"""A port of the loopback on which nothing listens."""


@dataclass
class Scene:
    """What a case may prepare, and what must be as before afterwards."""

    checkout: Path
    home: Path
    patch: pytest.MonkeyPatch

    @property
    def profile(self) -> Path:
        return self.checkout / "profiles" / "k3d.yaml"

    def change(self, old: str, new: str) -> None:
        text = self.profile.read_text()
        assert old in text
        self.profile.write_text(text.replace(old, new))

    def waive(self, **fields: object) -> None:
        waiver = {"id": "AAA-1", "reason": "the vendor mends it", "expires": "2999-01-01"} | fields
        self.profile.write_text(self.profile.read_text() + yaml.safe_dump({"waivers": [waiver]}))

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.home / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def suite(self, text: str) -> None:
        path = self.checkout / "suites" / "tracking" / "test_numbers.py"
        path.write_text(path.read_text() + text)

    def mutant(self, text: str) -> None:
        (self.checkout / "mutants/tracking/two-is-three/mutant.yaml").write_text(text)

    def kubeconfig(self, port: int, ca: Path | None = None, **user: str) -> str:
        cluster: dict[str, object] = {"server": f"https://127.0.0.1:{port}"}
        if ca:
            cluster["certificate-authority"] = str(ca)
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }
        return str(self.write("kubeconfig", yaml.safe_dump(document)))

    def state(self) -> object:
        files = sorted(str(p) for root in (self.home, self.checkout) for p in root.rglob("*"))
        kept = [f for f in files if "__pycache__" not in f]
        return kept, dict(os.environ), os.getcwd()  # noqa: PTH109 - the process's, not a path


@pytest.fixture
def scene(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """An empty home and working directory, and a checkout of its own."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "MLFLOW_CONFORMANCE_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("KUBECONFIG", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Scene(checkout, tmp_path, monkeypatch)


def judge(code: object, stderr: str, told: str) -> None:
    """The one sentence and its remedy, and nothing that only a programmer reads."""
    assert code == 3
    assert "Traceback" not in stderr
    (line,) = stderr.strip().splitlines()
    assert line.startswith("mlflow-conformance: ")
    assert told in line
    assert line.endswith(".")
    assert ". " in line.removeprefix("mlflow-conformance: ") or "? " in line  # what, and then how


def children() -> set[str]:
    """The processes that this one started and that have not been waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {number for task in tasks for number in task.read_text().split()}


def refuse(
    scene: Scene, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    before = scene.state()
    processes = children()
    scene.patch.setattr(sys, "argv", ["mlflow-conformance", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    judge(ended.value.code, said.err, told)
    assert "Traceback" not in said.out
    assert "INTERNALERROR" not in said.out
    assert scene.state() == before
    assert children() == processes
    forget_suites()


Prepare = Callable[[Scene], object]


def nothing(_: Scene) -> None: ...


USAGE = [
    ([], "Missing command"),
    (["gat"], "No such command 'gat'. Did you mean 'gate'?"),
    (["gate", "--profle", "k3d"], "No such option: --profle"),
    (["gate", "extra"], "unexpected extra argument"),
    (["gate", "--tier", "all"], "'all' is not one of 'smoke', 'gate', 'thorough', 'upgrade'"),
    (["gate", "--seed", "lucky"], "Invalid value for '--seed'"),
    (["gate", "--profile"], "'--profile' requires an argument"),
    (["gate", "--output", "a\0b"], "embedded null byte"),
    (["report"], "Missing argument"),
    (["semantics"], "Missing option '--tracking-uri'"),
    (["gate", "--profile", "k3dd"], "There is no profile 'k3dd', did you mean 'k3d'"),
    (["gate", "--profile", ""], "The value of --profile is empty"),
    (["gate", "--context", "x", "--output="], "The value of --output is empty"),
    (["gate", "--context", "x", "--namespace", ""], "The value of --namespace is empty"),
    (["semantics", "--tracking-uri", "http://h", "--sql", ""], "The value of --sql is empty"),
    (["profile", "validate", ""], "The value of an argument is empty"),
    (["gate", "--profile", "./absent.yaml"], "absent.yaml cannot be read as a profile: No such"),
    (["gate", "--profile", "/"], "/ cannot be read as a profile: Is a directory"),
    (["gate", "--profile", "/proc/self/mem"], "cannot be read as a profile: Input/output error"),
    (["gate", "--check", "AAA-7"], "There is no check 'AAA-7', did you mean 'AAA-"),
    (["gate", "--check", "AAA-3"], "does not expect AAA-3 in the tier gate"),
    (["gate", "--mutant", "two-is-thre"], "There is no mutant 'two-is-thre', did you mean 'two-is"),
    (["gate", "--check", "aaa-1"], "There is no check 'aaa-1', did you mean 'AAA-1'"),
    (["gate", "--check", "-x"], "There is no check '-x'"),
    (["mutants", "--list", "--profile", "k3d"], "and --profile is about a run"),
    (["mutants", "--list", "--tier", "smoke"], "and --tier is about a run"),
    (["rbac", "--namespace", "Not a name"], "'Not a name' is no name of a namespace"),
    (["rbac", "--user", "system:serviceaccount:one"], "is no ServiceAccount. Write system:serv"),
    (["upload", str(RECORDS / "healthy.jsonl"), "s3://b"], "healthy.jsonl is no folder"),
    (["upload", str(RECORDS), "s3://a bucket"], "is no bucket"),
    (["profile"], "Missing command"),
    (["profile", "validate"], "Missing argument"),
    (["profile", "validate", "k3dd"], "There is no profile 'k3dd', did you mean 'k3d'"),
    (["profile", "validate", "./absent.yaml"], "absent.yaml cannot be read as a profile: No such"),
    (["mutants", "one-is-three"], "There is no mutant 'one-is-three'"),
    (["mutants", "AAA-1"], "There is no mutant 'AAA-1', nor a check of that ID that has one"),
    (["mutants", "--sample", "3"], "--sample is about candidates, and mutants are few"),
    (["mutants", "--generate", "--sample", "0"], "Invalid value for '--sample'"),
    (["mutants", "--generate"], "The profile k3d names no deployment to render"),
    (["gate", "--mutant", "./absent.yaml"], "cannot be read as what is broken: No"),
    (["gate", "--namespace", "mlflow"], "--namespace is about an existing cluster"),
    *(
        (["gate", "--context", "x", option], "--reuse and --prepared are about a cluster that this")
        for option in ("--keep", "--reuse", "--prepared")
    ),
    (["gate", "--context", "x", "--check", "AAA-9"], "AAA-9 disturbs the deployment"),
    (
        ["gate", "--context", "x", "--read-only", "--check", "AAA-9"],
        "AAA-9 does not say what it writes to, and this run only reads",
    ),
    (["gate", "--read-only"], "--read-only is about a cluster that exists"),
    (["gate", "--context", "x", "--read-only", "--allow-disruption"], "--read-only is about"),
    (
        ["gate", "--context", "x", "--allow-disruption", "--without-disruption"],
        "--allow-disruption and --without-disruption contradict each other",
    ),
    (["semantics", "--tracking-uri", "localhost:5000"], "is no tracking URI"),
    (["semantics", "--tracking-uri", "http://"], "is no tracking URI"),
    (["semantics", "--tracking-uri", "http://[::1"], "is no tracking URI"),
    (["semantics", "--tracking-uri", "http://h:99999"], "is no tracking URI"),
    (["semantics", "--tracking-uri", "postgresql://h/mlflow"], "is no tracking URI"),
    (["semantics", "--tracking-uri", f"http://127.0.0.1:{CLOSED}"], "No server answers at http://"),
    (["semantics", "--tracking-uri", "http://h", "--sql", "no dsn"], "--sql-dsn is no connection"),
    (
        ["semantics", "--tracking-uri", "http://h", "--sql", "postgresql://u:pw@h/d"],
        "A password of fewer than 6 characters",
    ),
    (
        ["semantics", "--tracking-uri", "http://h", "--s3-bucket", "b"],
        "--s3-bucket is given and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY not set",
    ),
    (["semantics", "--tracking-uri", "http://h", "--check", "AAA-9"], "AAA-9 disturbs"),
    (["upgrade"], "Nothing says from what to what the upgrade goes"),
    (["upgrade", "--from", "3.16.1"], "--from and --to belong together"),
    (["upgrade", "--to-ref", "main"], "--from-ref and --to-ref belong together"),
    (["upgrade", "--from", "3.16", "--to", "3.17.2"], "'3.16' is no version of MLflow"),
    (["upgrade", "--from", "3.16.1", "--to", "3.16.1"], "is both before and after the upgrade"),
    (["upgrade", "--from", "3.17.2", "--to", "3.16.1"], "3.17.2 is newer than 3.16.1"),
    (["upgrade", "--from", "3.16.1", "--to-ref", "x"], "The upgrade is told in more ways than one"),
    (["upgrade", "--from", "3.16.1", "--to", "3.17.2"], "expects no check of an upgrade"),
    (["upgrade", "--from", "3.16.1", "--to", "3.17.2", "--runs", "0"], "--runs is 0"),
    (["upgrade", "--from", "3.16.1", "--to", "3.17.2", "--data", "/no"], "There is no dump /no"),
    (["upgrade", "--from", "3.16.1", "--to", "3.17.2", "--context", "x"], "or add --plan"),
    (["upgrade", "--plan", "--to", "3.17.2"], "--plan needs the cluster and the version after"),
    (["upgrade", "--plan", "--context", "x", "--to", "3"], "'3' is no version of MLflow"),
    (["upgrade", "--plan", "--context", "x", "--to", "3.17.2", "--keep"], "--plan only reads"),
    (["gate", "--tier", "upgrade"], "Nothing says from what to what the upgrade goes"),
    (["gate", "--upgrade-runs", "3"], "Nothing says from what to what the upgrade goes"),
    (["gate", "--upgrade-way", "rolling"], "Nothing says from what to what the upgrade goes"),
    (["upgrade", "--from-values", "/no", "--to-values", "/not"], "There is no values file /no"),
    (
        ["upgrade", "--plan", "--context", "x", "--to", "3.17.2", "--way", "hold-traces"],
        "--plan only reads",
    ),
    (["semantics", "--tracking-uri", "http://h", "--s3-prefix", "x/"], "--s3-bucket names none"),
    (["gate", "--upgrade-from", "3.16.1"], "--upgrade-from and --upgrade-to belong together"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "told"), USAGE, ids=lambda v: " ".join(v)[:60])
def test_wrong_usage(
    scene: Scene, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    refuse(scene, capsys, arguments, told)


CHECK = '\n@check("{}", impact="i", remedy="r")\ndef test_more(evidence):\n    """{}"""\n'
FILES: list[tuple[str, Prepare, str]] = [
    ("unknown key", lambda s: s.change("name: k3d", "nmae: k3d"), "the unknown key 'nmae', did"),
    (
        "unknown nested key",
        lambda s: s.change("namespace: mlflow", "namspace: mlflow"),
        "unknown key 'names.namspace', did you mean 'namespace'",
    ),
    (
        "a namespace that cannot be",
        lambda s: s.change("namespace: mlflow", "namespace: MLflow"),
        "names.namespace: is up to 63 lower-case letters",
    ),
    (
        "a front door without a scheme",
        lambda s: s.change("names:", "names:\n  front: {url: mlflow.example}"),
        "names.front.url: begins with http:// or https://",
    ),
    ("unknown check", lambda s: s.change("AAA-2:", "AAB-2:"), "'AAB-2', which does not exist, did"),
    ("same key twice", lambda s: s.change("AAA-2:", "AAA-1:"), "has the key 'AAA-1' twice"),
    ("another schema", lambda s: s.change("schema: 1", "schema: 9"), "schema: Input should be 1"),
    ("no schema", lambda s: s.change("schema: 1", ""), "schema: Field required"),
    ("no promise", lambda s: s.change("promise: One is one", ""), "AAA-1.promise: Field required"),
    ("thresholds as a list", lambda s: s.change("{most: 2}", "[2]"), "AAA-2.thresholds: "),
    ("a date as a threshold", lambda s: s.change("most: 2", "most: 2026-01-01"), "AAA-2.thre"),
    ("a threshold without end", lambda s: s.change("most: 2", "most: .inf"), "a finite number"),
    ("an unknown tier", lambda s: s.change("tier: thorough", "tier: all"), "AAA-3.tier: "),
    ("an empty profile", lambda s: s.profile.write_text(""), "holds no mapping"),
    ("a profile that is a list", lambda s: s.profile.write_text("[1]"), "holds no mapping"),
    ("a binary profile", lambda s: s.profile.write_bytes(b"\x7fELF\x00\xff"), "is not YAML"),
    ("broken YAML", lambda s: s.profile.write_text("a: ["), "is not YAML"),
    ("an impossible date", lambda s: s.waive(expires="2026-02-30"), "waivers.0.expires: "),
    ("an expired waiver", lambda s: s.waive(expires="2020-01-01"), "expired on 2020-01-01. Mend"),
    ("a waiver of nothing", lambda s: s.waive(id="AAA-8"), "waiver of AAA-8 excuses a check that"),
    ("a waiver without reason", lambda s: s.waive(reason=""), "waivers.0.reason: "),
    ("a waiver of blanks", lambda s: s.waive(reason=" " * 20), "waivers.0.reason: "),
    ("one check ID twice", lambda s: s.suite(CHECK.format("AAA-1", "T.")), "AAA-1 is used twice"),
    ("a check without title", lambda s: s.suite(CHECK.format("AAA-5", "")), "has no docstring"),
    ("a suite that is no Python", lambda s: s.suite("def ("), "is not Python"),
    ("no suites", lambda s: shutil.rmtree(s.checkout / "suites"), "There is no suites in"),
    ("a mutant of nothing", lambda s: s.mutant("kills: [AAA-1]"), "is not a mutant: breaks: Field"),
    (
        "a mutant of an unknown check",
        lambda s: s.mutant(
            "{breaks: two is three, kills: [AAA-5], because: a, by: {proxy: {rule: lie}}}"
        ),
        "kills the check 'AAA-5', which does not exist",
    ),
    (
        "a mutant that does two things",
        lambda s: s.mutant(
            "{breaks: two is three, kills: [AAA-1], because: a, "
            "by: {proxy: {rule: x}, objects: [{kind: x}]}}"
        ),
        "exactly one",
    ),
    ("a mutant with a typo", lambda s: s.mutant("braeks: x"), "unknown key 'braeks', did you mean"),
    ("a mutant that is a list", lambda s: s.mutant("[]"), "holds no mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "told"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_files_that_cannot_be_meant(
    scene: Scene, capsys: pytest.CaptureFixture[str], prepare: Prepare, told: str
) -> None:
    prepare(scene)
    refuse(scene, capsys, ["gate", "--mutant", "two-is-three"], told)


# -- a cluster that cannot be used ------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        (b"", "The context 'here' cannot be used from"),
        (b"{", "is no kubeconfig"),
        (b"\x00\xff", "is no kubeconfig"),
        (b"[1]", "is no kubeconfig"),
        (b"words", "is no kubeconfig"),
        (b"contexts: 5", "is no kubeconfig"),
        (b"{contexts: [], clusters: [], users: []}", "The context 'here' cannot be used from"),
        (
            b"{contexts: [{name: Heer, context: {cluster: c, user: u}}], clusters: [], users: []}",
            "there is none of that name, did you mean 'Heer'",
        ),
        (
            b"{contexts: [{name: there, context: {cluster: c, user: u}}], clusters: [], users: []}",
            "The context 'here' cannot be used from",
        ),
        (
            b"{contexts: [{name: here, context: {cluster: c, user: u}}], clusters: [], users: []}",
            "The context 'here' cannot be used from",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used(
    scene: Scene, capsys: pytest.CaptureFixture[str], content: bytes | None, told: str
) -> None:
    path = scene.home / "kubeconfig"
    if content is not None:
        path.write_bytes(content)
    refuse(scene, capsys, ["gate", "--context", "here", "--kubeconfig", str(path)], told)


def test_the_environments_kubeconfig_that_is_not_there(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.patch.setenv("KUBECONFIG", "/nowhere")
    refuse(scene, capsys, ["gate", "--context", "here"], "The kubeconfig /nowhere does not exist")
    scene.patch.setenv("KUBECONFIG", "/nowhere:/else")
    told = "None of the kubeconfigs /nowhere, /else has the context 'here'"
    refuse(scene, capsys, ["gate", "--context", "here"], told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["init", "--namespace", "mlflow"], "Missing option '--context'"),
        (["init", "--context", "here"], "Missing option '--namespace'"),
        (["init", "--context", "here", "--namespace", "mlflow"], "Connection refused"),
        (
            ["init", "--context", "here", "--namespace", "mlflow", "--output", "there.yaml"],
            "there.yaml exists",
        ),
    ],
)
def test_nothing_to_describe(
    scene: Scene, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    scene.patch.setenv("KUBECONFIG", scene.kubeconfig(CLOSED))
    scene.write("there.yaml", "mine")
    refuse(scene, capsys, arguments, told)


def test_a_cluster_that_is_gone_is_noticed_within_seconds(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    config = scene.kubeconfig(CLOSED)
    started = time.monotonic()
    refuse(
        scene, capsys, ["gate", "--context", "here", "--kubeconfig", config], "Connection refused"
    )
    assert time.monotonic() - started < 10


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "crt.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "crt.pem").read_bytes())
    return both


Answer = Callable[[bytes], int]


@pytest.fixture
def api(certificate: Path) -> Iterator[Answer]:
    """Starts a TLS server that answers every request with the same bytes; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def start(reply: bytes) -> int:
        def accept() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        connection.recv(65536)
                        connection.sendall(reply)
                except OSError:
                    continue  # the client does not trust the certificate: one of the cases

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join()


def http(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def failure(code: int, reason: str) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return http(f"{code} {reason}", json.dumps(status | {"reason": reason}).encode())


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (failure(401, "Unauthorized"), "refused to show the namespace 'mlflow': 401 Unauthorized"),
        (failure(403, "Forbidden"), "refused to show the namespace 'mlflow': 403 Forbidden"),
        (failure(404, "NotFound"), "There is no namespace 'mlflow' in the cluster of 'here'"),
        (failure(500, "Oops"), "500 Oops"),
        (http("503 Unavailable", b"<html>"), "503 Unavailable"),
        (http("302 Found", b""), "302 Found"),
        (http("200 OK", b"<html>welcome</html>"), "is no Kubernetes API"),
        (http("200 OK", b'{"kind": "Pod"}'), "is no Kubernetes API"),
        (http("200 OK", b"[]"), "is no Kubernetes API"),
        (http("200 OK", b""), "is no Kubernetes API"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
    ids=[
        "401",
        "403",
        "404",
        "500",
        "503",
        "302",
        "html",
        "pod",
        "list",
        "empty",
        "ssh",
        "silence",
    ],
)
def test_what_answers_is_no_cluster_that_we_may_use(
    scene: Scene,
    capsys: pytest.CaptureFixture[str],
    api: Answer,
    certificate: Path,
    reply: bytes,
    told: str,
) -> None:
    config = scene.kubeconfig(api(reply), certificate, token="t")
    refuse(scene, capsys, ["gate", "--context", "here", "--kubeconfig", config], told)


def test_an_api_server_of_another_authority(
    scene: Scene, capsys: pytest.CaptureFixture[str], api: Answer
) -> None:
    config = scene.kubeconfig(api(b""))
    refuse(
        scene,
        capsys,
        ["gate", "--context", "here", "--kubeconfig", config],
        "certificate verify failed",
    )


def test_another_namespace(
    scene: Scene, capsys: pytest.CaptureFixture[str], api: Answer, certificate: Path
) -> None:
    config = scene.kubeconfig(api(failure(404, "NotFound")), certificate)
    arguments = ["gate", "--context", "here", "--kubeconfig", config, "--namespace", "mlfow"]
    refuse(scene, capsys, arguments, "There is no namespace 'mlfow'")


# -- where results cannot go ------------------------------------------------------------------


def test_an_output_that_is_a_file(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    path = scene.write("out", "mine")
    arguments = ["semantics", "--tracking-uri", server, "--output", str(path)]
    refuse(scene, capsys, arguments, "out cannot be made: File exists")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("folder", ["/proc/out", "/dev/null/out"])
def test_an_output_that_cannot_be_made(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str, folder: str
) -> None:
    arguments = ["semantics", "--tracking-uri", server, "--output", folder]
    refuse(scene, capsys, arguments, "cannot be made: ")


def test_an_output_that_holds_another_run(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    path = scene.write("evidence.jsonl", "another run")
    arguments = ["semantics", "--tracking-uri", server, "--output", str(scene.home)]
    refuse(scene, capsys, arguments, "holds the evidence of another run")
    assert path.read_text() == "another run"


def test_an_output_that_holds_a_link(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    (scene.home / "evidence.jsonl").symlink_to("/proc/nothing/here")
    arguments = ["semantics", "--tracking-uri", server, "--output", str(scene.home)]
    refuse(scene, capsys, arguments, "holds the evidence of another run")


def test_an_output_in_which_the_log_cannot_be_made(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    arguments = ["semantics", "--tracking-uri", server, "--output", "/proc/self"]
    refuse(scene, capsys, arguments, "/proc/self/evidence.jsonl cannot be written: ")


def test_a_disk_that_is_full_from_the_start(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    scene.patch.setattr(os, "fsync", _full)
    refuse(scene, capsys, ["semantics", "--tracking-uri", server], "No space left on device")


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_half_way(
    scene: Scene, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    written = 0
    real = os.fsync

    def fsync(number: int) -> None:
        nonlocal written
        written += 1
        if written > 2:
            _full(number)
        real(number)

    scene.patch.setattr(os, "fsync", fsync)
    scene.patch.setattr(sys, "argv", ["mlflow-conformance", "semantics", "--tracking-uri", server])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    progress, said = capsys.readouterr().err.splitlines(keepends=True)
    assert ": pass after" in progress
    judge(ended.value.code, said, "No space left on device. Free space on that")
    (log,) = (scene.home / "results").glob("*/evidence.jsonl")
    types = [json.loads(line)["type"] for line in log.read_text().splitlines()]
    assert types[:2] == ["run", "check"]  # what was written is kept


# -- evidence that is none --------------------------------------------------------------------

HEALTHY = (RECORDS / "healthy.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"", "the evidence is empty"),
        (b"\n\n", "the evidence is empty"),
        (b"{}\n", "is not evidence"),
        (b"[" * 100_000 + b"\n", "is not evidence"),
        (b"\x00\xff\n", "is not evidence"),
        (b"<html>\n", "is not evidence"),
        (HEALTHY[:100], "the evidence is empty"),
        (HEALTHY + HEALTHY, "holds two runs"),
        (HEALTHY.split(b"\n", 1)[1], "does not begin with the start of a run"),
        (HEALTHY.replace(b'"schema_version": "1"', b'"schema_version": "9"'), "evidence schema 9"),
        (HEALTHY.replace(b'"type": "check"', b'"type": "chekc"'), "is not evidence"),
    ],
)
def test_evidence_that_is_none(
    scene: Scene, capsys: pytest.CaptureFixture[str], content: bytes | None, told: str
) -> None:
    path = scene.home / "evidence.jsonl"
    if content is not None:
        path.write_bytes(content)
    refuse(scene, capsys, ["report", str(path)], told)
    refuse(scene, capsys, ["diff", str(RECORDS / "healthy.jsonl"), str(path)], told)


def test_runs_of_another_profile_measure_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.change("name: k3d", "name: mine")
    command = ["profile", "measure", str(RECORDS / "healthy.jsonl"), "--profile", "k3d"]
    refuse(scene, capsys, command, "The runs are of the profile k3d, and ")


def test_a_kubeconfig_that_is_a_folder(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["gate", "--context", "here", "--kubeconfig", str(scene.home)]
    refuse(scene, capsys, arguments, "is no file")


def test_a_folder_without_evidence(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["report", str(scene.home)], ["upload", str(scene.home), "s3://reports"]):
        refuse(scene, capsys, command, "evidence.jsonl cannot be read: No such")


def test_reports_that_cannot_be_written(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.write("evidence.jsonl", HEALTHY)
    (scene.home / "report.html").mkdir()
    refuse(
        scene, capsys, ["report", str(scene.home / "evidence.jsonl")], "report.html cannot be writ"
    )


# -- the machine ------------------------------------------------------------------------------


def test_options_of_pytest_from_the_environment(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.patch.setenv("PYTEST_ADDOPTS", "-k easy")
    refuse(scene, capsys, ["gate"], "PYTEST_ADDOPTS is set and would change which checks run")


def test_a_profile_that_names_no_deployment(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(scene, capsys, ["gate"], "The profile k3d names no deployment to make")


DEPLOYMENT = "deployment: {kind: helm, chart: c, release: r}\nnames:"


def test_a_machine_without_podman(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    bare = replace(machine.Host.this(), uid=1000, which=lambda _: None)
    scene.patch.setattr(machine.Host, "this", lambda **_: bare)
    scene.change("names:", DEPLOYMENT)
    refuse(scene, capsys, ["gate"], "privileges")
    refuse(scene, capsys, ["host"], "privileges")


@pytest.mark.parametrize("command", ["gate", "host", "down", "images"])
def test_an_engine_that_is_none(
    scene: Scene, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    scene.patch.setenv("MLFLOW_CONFORMANCE_ENGINE", "dokcer")
    refuse(scene, capsys, [command], "MLFLOW_CONFORMANCE_ENGINE is 'dokcer'")


def test_an_engine_that_refuses(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    programs = scene.home / "programs"
    programs.mkdir()
    podman = programs / "podman"
    podman.write_text("#!/bin/sh\necho 'Error: the database is locked' >&2\nexit 125\n")
    podman.chmod(0o755)
    scene.patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    scene.patch.setattr(sys, "argv", ["mlflow-conformance", "down"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    judge(ended.value.code, said, "A program failed that the cluster needs: podman ps")
    assert "Error: the database is locked" in said


def test_an_image_that_cannot_be_built(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    def build(work: steps.Work) -> None:
        (work.out / "made").write_text("whole")

    cache = scene.home / "cache"
    (scene.checkout / "deployment").symlink_to(ROOT / "deployment")
    scene.patch.setattr(images.pull, "mode", lambda _: None)
    scene.patch.setenv("MLFLOW_CONFORMANCE_CACHE", str(cache))
    scene.patch.setattr(
        images,
        "plan",
        lambda *_: [steps.Step("base", {}, build), steps.Step("node", {}, fail, ("base",))],
    )
    scene.patch.setattr(sys, "argv", ["mlflow-conformance", "images"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    *progress, last = capsys.readouterr().err.splitlines()
    judge(ended.value.code, last, "step node failed: ")
    assert progress
    left = [p for p in cache.rglob("*") if p.is_file() and p.name == "made"]
    assert len(left) == 1  # what was finished is kept for the next try, and no half of the rest


def test_a_cluster_that_another_run_uses(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    with claim():
        refuse(scene, capsys, ["down"], f"is in use by the process {os.getpid()}")


def test_the_installed_command_says_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlflow_conformance", "gate", "--profile", "k3dd"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    judge(done.returncode, done.stderr, "There is no profile 'k3dd', did you mean 'k3d'")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
