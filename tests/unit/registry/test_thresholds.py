# SPDX-License-Identifier: Apache-2.0
"""Rows of the registry that could not judge what they promise are refused."""

import pytest
from pydantic import ValidationError

from mlflow_conformance.registry.thresholds import THRESHOLDS


def test_every_writer_registers_a_version() -> None:
    THRESHOLDS["REG-1"].model_validate({"writers": 8, "versions": 8, "refused": 0})
    with pytest.raises(ValidationError, match="every writer registers one at least"):
        THRESHOLDS["REG-1"].model_validate({"writers": 8, "versions": 7, "refused": 0})


def test_a_port_is_one_that_a_receiver_can_have() -> None:
    row = {"port": 8085, "cache_s": 6, "quiet_s": 3}
    THRESHOLDS["REG-6"].model_validate(row)
    with pytest.raises(ValidationError, match="port"):
        THRESHOLDS["REG-6"].model_validate({**row, "port": 0})
