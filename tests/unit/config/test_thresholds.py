# SPDX-License-Identifier: Apache-2.0
"""Every check declares the form of its thresholds, and a profile leaves out none of them."""

from importlib import import_module

import pytest

import shipped
from mlflow_conformance.config.families import folder_of
from mlflow_conformance.config.thresholds import Thresholds
from mlflow_conformance.run.known import thresholds

KNOWN = shipped.checks()
FORMS = thresholds()


def test_every_check_has_a_form_and_every_form_a_check() -> None:
    assert sorted(FORMS) == sorted(KNOWN)


@pytest.mark.parametrize("check_id", FORMS)
def test_a_form_is_declared_in_the_folder_of_its_family(check_id: str) -> None:
    module = import_module(f"mlflow_conformance.{folder_of(check_id)}.thresholds")
    assert module.THRESHOLDS[check_id] is FORMS[check_id]


@pytest.mark.parametrize("form", dict.fromkeys(FORMS.values()), ids=lambda f: f.__name__)
def test_a_row_states_every_threshold(form: type[Thresholds]) -> None:
    assert [name for name, field in form.model_fields.items() if not field.is_required()] == []
