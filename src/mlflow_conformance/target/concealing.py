# SPDX-License-Identifier: Apache-2.0
"""What a run must not write down: the credentials of the deployment under test."""

from mlflow_conformance.cluster.concealed import held_credentials
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.strength import WORD_BITS, bits
from mlflow_conformance.evidence.log import SHORTEST_SECRET, EvidenceLog


def keep_out(kube: Kube, names: Names, log: EvidenceLog) -> list[str]:
    """Let the log know every credential that the namespace holds; returns what cannot be read.

    Words such as ``mlflow`` are no less hidden where they are a variable's or an address's, but not
    in every text: a report would have dots for its own words.
    """
    found, unread = held_credentials(kube)
    said = names.model_dump_json()
    for credential in found:
        if len(credential) >= SHORTEST_SECRET and credential not in said and not _word(credential):
            log.conceal(credential)
    return unread


def _word(text: str) -> bool:
    return (text.isalpha() or text.isdigit()) and bits(text) < WORD_BITS
