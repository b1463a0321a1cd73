# SPDX-License-Identifier: Apache-2.0
"""MLflow's client in a Python process of its own, where nothing of this run was before."""

import json
import sys
from collections.abc import Mapping, Sequence

from mlflow_conformance.core import shell
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided

_LOAD_S = 180.0
_STARTED = "mlflow is there"
_PREDICT = f"""
import json, sys
import mlflow, sklearn
print({_STARTED!r}, flush=True)
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(json.loads(sys.argv[2])).tolist()))
"""


def predicted(
    uri: str, asked: Sequence[Sequence[float]], environment: Mapping[str, str]
) -> list[float] | str:
    """What a model predicts in a new process, or what that process said instead.

    Args:
        uri: of the model, such as ``models:/NAME/1``.
        environment: in which MLflow's client finds the server.

    Raises:
        Undecided: the process did not get as far as asking for the model.
    """
    words = [sys.executable, "-c", _PREDICT, uri, json.dumps(asked)]
    try:
        done = shell.run(words, timeout_s=_LOAD_S, env=environment, check=False)
    except shell.CommandFailed as late:
        done, problem = late.completed, f"not finished within {_LOAD_S:g} s"
    else:
        problem = ending(done.problem)
    _, started, said = done.stdout.partition(_STARTED)
    if not started:
        raise Undecided(
            "a new Python process with mlflow and scikit-learn does not start on this machine "
            f"({problem or 'it said nothing'}): install both where this program is"
        )
    if problem:
        return problem
    found: list[float] = json.loads(said.splitlines()[-1])
    return found
