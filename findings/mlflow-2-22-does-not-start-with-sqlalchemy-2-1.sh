#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MLflow 2.22.1 cannot be used with SQLAlchemy 2.1, which its own requirements admit.
#
# Its wheel asks for SQLAlchemy below 3. It imports a class of connection pools that 2.1 no longer has,
# so every command that touches a database ends with an ImportError: an image of the last 2.x that is
# built again without a lock of its own, for a client of before or for the way back of an upgrade, does
# not start. With SQLAlchemy 2.0 it works.
#
# Seen on 2026-11-30, `mlflow experiments search` in a new SQLite database:
#   SQLAlchemy 2.0.44   done
#   SQLAlchemy 2.1.9    ImportError: cannot import name 'FallbackAsyncAdaptedQueuePool'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"

searched() { # searched VERSION: whether experiments are found with this SQLAlchemy; the log is kept
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==2.22.1 "sqlalchemy==$1" \
    'setuptools<81'
  MLFLOW_TRACKING_URI="sqlite:///$folder/$1.db" "$folder/venv/bin/mlflow" experiments search \
    >"$folder/log" 2>&1
}

if searched 2.0.44; then
  echo "SQLAlchemy 2.0.44: done"
else
  cat "$folder/log" >&2
  exit 1
fi
if searched 2.1.9; then
  echo "SQLAlchemy 2.1.9: done, and an ImportError was expected: the behaviour has changed" >&2
  exit 1
fi
grep '^ImportError: cannot import name' "$folder/log" | cut -d"(" -f1
