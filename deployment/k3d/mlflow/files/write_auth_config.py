# SPDX-License-Identifier: Apache-2.0
"""Write the file from which MLflow's basic auth learns where its users are.

Environment: MLFLOW_BACKEND_STORE_URI, DEFAULT_PERMISSION, CACHE_SECONDS. Argument: the file.
"""

import configparser
import os
import sys
from pathlib import Path


def main() -> int:
    """Write the file named by the first argument, readable by its owner alone."""
    config = configparser.ConfigParser()
    config["mlflow"] = {
        "default_permission": os.environ["DEFAULT_PERMISSION"],
        # MLflow reads the file with interpolation, where a percent sign is written twice.
        "database_uri": os.environ["MLFLOW_BACKEND_STORE_URI"].replace("%", "%%"),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": os.environ["CACHE_SECONDS"],
    }
    path = Path(sys.argv[1])
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8") as file:
        config.write(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
