# SPDX-License-Identifier: Apache-2.0
"""What is done about requests while a deployment is upgraded by its own way."""

from typing import Literal

Manner = Literal["rolling", "hold-traces", "scale-to-none"]
"""Nothing; or exporters of traces hold them back meanwhile; or every old pod ends first."""
