# SPDX-License-Identifier: Apache-2.0
"""The ways in which a server can lie, each as one small rule."""

import re
from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.mutants.lies import replies, requests, timing
from mlflow_conformance.mutants.lies.base import Lie

LIES: dict[str, type[Lie]] = {
    lie.name: lie for lie in (*requests.LIES, *replies.LIES, *timing.LIES)
}
"""Every rule by its name in `mutant.yaml`."""


def lie_of(rule: str, parameters: Mapping[str, JsonValue]) -> Lie:
    """A rule by name with its parameters.

    Raises:
        Unusable: there is no such rule, or a parameter is not as it must be.
    """
    if rule not in LIES:
        raise Unusable(
            f"The lying proxy has no rule {rule!r}{nearest(rule, LIES).rstrip('?')}",
            remedy=f"Use one of: {', '.join(LIES)}",
        )
    try:
        lie = LIES[rule].model_validate(dict(parameters))
        re.compile(lie.method)
        re.compile(lie.path)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise Unusable(
            f"The rule {rule!r} of the lying proxy cannot be used: "
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            remedy="docs/mutants.md lists the rules and their parameters",
        ) from problem
    except re.error as problem:
        raise Unusable(
            f"A pattern of the rule {rule!r} is no regular expression: {problem}",
            remedy="Correct it in the mutant",
        ) from problem
    return lie
