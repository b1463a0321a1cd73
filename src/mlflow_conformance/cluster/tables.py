# SPDX-License-Identifier: Apache-2.0
"""Objects as rows for people, in the columns that the API server itself chooses for their kind."""

from collections.abc import Sequence

from mlflow_conformance.cluster.kube import Kube

_AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def table(kube: Kube, kind: str, *, timeout_s: float) -> str:
    """Every object of a kind in the namespace, one a line below the names of the columns.

    Raises:
        KubeFailed: they may not be listed.
    """
    found = kube.api.json(
        f"list {kind}",
        "GET",
        kube.kinds.named(kind).path(kube.namespace),
        accept=_AS_TABLE,
        timeout_s=timeout_s,
    )
    head = [str(column["name"]).upper() for column in found["columnDefinitions"]]
    rows = [[str(cell) for cell in row["cells"]] for row in found.get("rows") or []]
    return aligned([head, *rows])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equally many cells as lines of text, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)
