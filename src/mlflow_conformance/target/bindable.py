# SPDX-License-Identifier: Apache-2.0
"""Names by which roles can be bound to somebody in a namespace."""

from mlflow_conformance.config.object_names import is_label, is_subdomain
from mlflow_conformance.core.errors import Unusable

_ACCOUNT = "system:serviceaccount:"


def refuse_names(namespace: str | None, user: str) -> None:
    """Make sure that roles can be bound to a user and in a namespace of these names.

    Raises:
        Unusable: Kubernetes has no namespace or ServiceAccount of such a name (RFC 1123).
    """
    if namespace is not None and not is_label(namespace):
        raise Unusable(f"{namespace!r} is no name of a namespace", remedy="Correct --namespace")
    space, _, account = user.removeprefix(_ACCOUNT).partition(":")
    if user.startswith(_ACCOUNT) and not (is_label(space) and is_subdomain(account)):
        raise Unusable(
            f"{user!r} is no ServiceAccount", remedy=f"Write {_ACCOUNT}NAMESPACE:NAME as --user"
        )
