# SPDX-License-Identifier: Apache-2.0
"""What a matrix calls wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlflow_conformance.network_policy.matrix import Cell, Destination, Matrix, Source, probed
from mlflow_conformance.network_policy.spaces import NAMESPACE, namespace_of

MLFLOW = Destination("mlflow service", "mlflow", "10.0.0.1", 5000)
S3 = Destination("s3 service", "s3", "10.0.0.2", 9000)
OUTCOMES = st.sampled_from(["open", "timeout", "refused", "unreachable", "silent", "name"])


def _cell(allowed: bool, *outcomes: str) -> Cell:
    return Cell("someone", MLFLOW, allowed, outcomes, [0.01] * len(outcomes))


@pytest.mark.parametrize("outcomes", [("open",), ("timeout", "open")])
def test_allowed_and_open_at_last(outcomes: tuple[str, ...]) -> None:
    assert _cell(True, *outcomes).wrong is None


@pytest.mark.parametrize("last", ["timeout", "refused", "silent", "unreachable", "name"])
def test_allowed_and_not_open_at_last(last: str) -> None:
    assert _cell(True, "open", last).wrong == f"someone must reach mlflow service: {last}"


@pytest.mark.parametrize("other", ["open", "refused", "silent", "unreachable", "name"])
def test_denied_once_is_not_enough(other: str) -> None:
    """Refused and unreachable did not come from a policy that drops, so they prove no denial."""
    assert _cell(False, "timeout", other, "timeout").wrong == (
        f"someone must not reach mlflow service: {other}"
    )


@given(st.booleans(), st.lists(OUTCOMES, min_size=1))
def test_no_outcome_suits_both_promises(allowed: bool, outcomes: list[str]) -> None:
    """What passes as allowed never passes as denied."""
    cell, other = _cell(allowed, *outcomes), _cell(not allowed, *outcomes)
    assert cell.wrong is not None or other.wrong is not None


def test_matrix_names_each_wrong_cell() -> None:
    matrix = Matrix(
        {"friend": Source(reaches=["mlflow"]), "stranger": Source(reaches=[])}, [MLFLOW, S3]
    )
    matrix.record("friend", [(MLFLOW, "timeout", 3.0), (S3, "timeout", 3.0)])
    matrix.record("stranger", [(MLFLOW, "timeout", 3.0), (S3, "open", 0.002)])
    assert matrix.unsettled == ["friend"]
    assert [c.wrong for c in matrix.cells if c.wrong] == [
        "friend must reach mlflow service: timeout",
        "stranger must not reach s3 service: open",
    ]
    matrix.record("friend", [(MLFLOW, "open", 0.004), (S3, "timeout", 3.0)])
    assert matrix.unsettled == []
    assert matrix.rounds == 2
    assert matrix.table() == {
        "friend": {"mlflow service": "open 4 ms", "s3 service": "timeout 3000 ms"},
        "stranger": {"mlflow service": "timeout 3000 ms", "s3 service": "open 2 ms"},
    }


def test_cells_that_nobody_tried_are_not_there() -> None:
    matrix = Matrix({"stranger": Source(reaches=[])}, [MLFLOW, S3])
    assert matrix.cells == []
    assert matrix.rounds == 0


def test_a_source_names_its_namespace_or_its_labels() -> None:
    with pytest.raises(ValidationError, match="not both"):
        Source(namespace="monitoring", namespace_labels={"a": "b"}, reaches=[])


def test_addresses_outside_are_no_pod_that_could_try() -> None:
    pods, load_balancer = Source(reaches=["mlflow"]), Source(cidr="10.0.0.0/8", reaches=["mlflow"])
    assert probed({"pods": pods, "load balancer": load_balancer}) == {"pods": pods}
    with pytest.raises(ValidationError, match="does not appear to be an IPv4 or IPv6 network"):
        Source(cidr="10.0.0.0/33", reaches=[])


def test_a_source_reaches_known_services_alone() -> None:
    with pytest.raises(ValidationError):
        Source.model_validate({"reaches": ["mlfow"]})


def test_namespaces() -> None:
    assert namespace_of(Source(namespace="traefik", reaches=[])) == "traefik"
    assert namespace_of(Source(pod_labels={"app": "x"}, reaches=[])) == NAMESPACE


@given(
    st.lists(
        st.dictionaries(
            st.text("abcABC./-", min_size=1, max_size=40),
            st.text("xyz01-_.", max_size=40),
            min_size=1,
            max_size=3,
        ),
        min_size=2,
        max_size=2,
    )
)
def test_namespaces_of_labels_are_valid_and_their_own(labels: list[dict[str, str]]) -> None:
    one, other = (namespace_of(Source(namespace_labels=found, reaches=[])) for found in labels)
    # With the mark of a run behind it.
    assert len(one) + 9 <= 63
    assert all(c.isalnum() or c == "-" for c in one)
    assert one[-1] != "-"
    assert (one == other) == (labels[0] == labels[1])
