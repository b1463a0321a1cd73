# SPDX-License-Identifier: Apache-2.0
"""SEC-3: the deployment's credentials."""

from collections import Counter

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.strength import bits
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import secrecy
from mlflow_conformance.security.kept_credentials import kept_in
from mlflow_conformance.security.thresholds import Leaks, NamedSecrets, Strength


@check(
    "SEC-3.strength",
    impact="Who guesses one credential owns the data, or every component at once.",
    remedy="Leave credentials empty so that the chart generates them, each one of its own.",
    writes=(),
)
def test_credentials_are_strong(evidence: Evidence, kube: Kube) -> None:
    """Every credential is worth the promised number of bits, and no two are alike.

    Preconditions: this user may read the Secrets of the namespace.
    Steps: read those that the profile names, and of every other entry of a Secret the password of
    an address, and what is called a password, key, token or secret, there or by pods that use it.
    Expected: each one hard to guess; those of the profile all different.
    """
    row = evidence.row(Strength)
    found = _credentials(evidence, row, kube)
    kept = kept_in(kube)
    judged = {**kept.credentials, **found}
    # Rounded down: 127.9 is less than was promised.
    worth = {name: int(bits(value)) for name, value in judged.items()}
    if not judged:
        evidence.undecided("the profile names no credential, and no Secret holds one")
    evidence.note("credentials", sorted(judged), door="kubernetes")
    evidence.note("entries that are no credentials", sorted(kept.others), door="kubernetes")
    evidence.expect(
        "credentials.guessable",
        "credentials that are easy to guess",
        {name: least for name, least in worth.items() if least < row.bits},
        "==",
        {},
        unit="bit",
        door="kubernetes",
    )
    # Of those that nobody named, an address holds the password that lies beside it.
    if found:
        count = Counter(found.values())
        evidence.expect(
            "credentials.used-twice",
            "credentials that are used twice",
            sorted(name for name, value in found.items() if count[value] > 1),
            "==",
            [],
            door="kubernetes",
        )


@check(
    "SEC-3.leaks",
    impact="Everybody who may read logs or configuration has the credentials.",
    remedy="Pass credentials by secretKeyRef or files, and keep them out of messages.",
    writes=(),
)
def test_credentials_do_not_leak(evidence: Evidence, kube: Kube) -> None:
    """No credential appears in a log, a pod specification, a ConfigMap, an event, or this evidence.

    Preconditions: this user may read the Secrets of the namespace.
    Steps: look for every credential that the profile names or a Secret holds, and every private
    key: plain, in JSON, as in a URL, and in base64, also of something longer; in the objects of the
    namespace, former revisions among them, in logs, also of containers that started anew, and in
    what this run wrote.
    Expected: it is in its Secret alone.
    """
    row = evidence.row(Leaks)
    kept = kept_in(kube)
    found = {
        **secrecy.sought(kept.credentials),
        **kept.private_keys,
        **_credentials(evidence, row, kube),
    }
    if not found:
        evidence.undecided("the profile names no credential, and no Secret holds one but words")
    evidence.note("credentials", sorted(found), door="kubernetes")
    texts = list(secrecy.public_texts(kube))
    texts += [
        (f"this run's {path.name}", path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted(evidence.folder.parent.rglob("*"))
        if path.is_file()
    ]
    evidence.note("texts", len(texts), door="kubernetes")
    if len(texts) < row.texts:
        evidence.undecided(f"only {len(texts)} texts could be read, {row.texts} are asked")
    evidence.expect(
        "leaks", "leaks", sorted(set(secrecy.leaks(found, texts))), "==", [], door="kubernetes"
    )


def _credentials(evidence: Evidence, row: NamedSecrets, kube: Kube) -> dict[str, str]:
    """The credentials that the profile names; unknown when one cannot be read."""
    found: dict[str, str] = {}
    for secret, keys in row.secrets.items():
        try:
            content = kube.secret(secret)
        except LookupError as problem:
            evidence.undecided(str(problem))
        for key in keys:
            if key not in content:
                evidence.undecided(f"the Secret {secret} has no {key}")
            found[f"{secret}/{key}"] = content[key]
    return found
