# SPDX-License-Identifier: Apache-2.0
"""Scripts that run in the Python of some version of MLflow, with that MLflow and nothing of ours.

Each takes one JSON argument and prints one JSON value on its last line. They are sent as they are,
so they import nothing of this package, and run on every Python that an image of MLflow has.
"""

from pathlib import Path

_HERE = Path(__file__).parent
API_DEFINITION = _HERE / "api_definition.py"
CLIENT_OPERATIONS = _HERE / "client_operations.py"
SERVER_SETTINGS = _HERE / "server_settings.py"
