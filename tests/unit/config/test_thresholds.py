# SPDX-License-Identifier: Apache-2.0
"""Every check declares the form of its thresholds, and a profile leaves out none of them."""

from importlib import import_module

import shipped
from mlflow_conformance.config.families import folder_of
from mlflow_conformance.run.known import thresholds

KNOWN = shipped.checks()
FORMS = thresholds()


def test_every_check_has_a_form_and_every_form_a_check() -> None:
    assert sorted(FORMS) == sorted(KNOWN)


def test_a_form_is_declared_in_the_folder_of_its_family() -> None:
    for check_id, form in FORMS.items():
        module = import_module(f"mlflow_conformance.{folder_of(check_id)}.thresholds")
        assert module.THRESHOLDS[check_id] is form, check_id


def test_a_row_states_every_threshold() -> None:
    assert [
        f"{form.__name__}.{name}"
        for form in dict.fromkeys(FORMS.values())
        for name, field in form.model_fields.items()
        if not field.is_required()
    ] == []
