# SPDX-License-Identifier: Apache-2.0
"""Names by which roles can be bound to somebody in a namespace."""

import re

from mlflow_conformance.core.errors import Unusable

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_ACCOUNT = "system:serviceaccount:"
_ACCOUNT_NAME = re.compile(rf"{_LABEL}:[a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?")


def refuse_names(namespace: str | None, user: str) -> None:
    """Make sure that roles can be bound to a user and in a namespace of these names.

    Raises:
        Unusable: Kubernetes has no namespace or ServiceAccount of such a name (RFC 1123).
    """
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise Unusable(f"{namespace!r} is no name of a namespace", remedy="Correct --namespace")
    account = user.removeprefix(_ACCOUNT)
    if account != user and not _ACCOUNT_NAME.fullmatch(account):
        raise Unusable(
            f"{user!r} is no ServiceAccount", remedy=f"Write {_ACCOUNT}NAMESPACE:NAME as --user"
        )
