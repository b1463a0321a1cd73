#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# OpenTelemetry's instrumentation of SQLAlchemy 0.66b1 instruments nothing where SQLAlchemy 2.1 is
# installed: a program starts and serves as ever, and its traces have no statement of a database.
#
# It declares that it is for SQLAlchemy below 2.1. `opentelemetry-instrument` logs one line about the
# conflict and goes on. MLflow 3.17 takes SQLAlchemy 2.1 where nothing holds it back, so a server that
# is traced by `opentelemetry-instrument mlflow server` shows its requests and never their queries.
# The instrumentation of the driver (psycopg2 or dbapi) is not concerned.
#
# Seen on 2026-11-30, spans of one SELECT:
#   SQLAlchemy 2.0.44   1 or more
#   SQLAlchemy 2.1.9    0, and "nothing can be instrumented" in the log
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/program.py" <<'PYTHON'
import sqlalchemy

engine = sqlalchemy.create_engine("sqlite://")
with engine.connect() as connection:
    print("answer", connection.execute(sqlalchemy.text("SELECT 42")).scalar())
PYTHON

traced() { # traced VERSION: runs the program; its output, spans and log are in $folder/VERSION.log
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "sqlalchemy==$1" \
    opentelemetry-distro==0.66b1 opentelemetry-sdk==1.45.1 \
    opentelemetry-instrumentation-sqlalchemy==0.66b1
  OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none \
    "$folder/$1/bin/opentelemetry-instrument" "$folder/$1/bin/python" "$folder/program.py" \
    >"$folder/$1.log" 2>&1
  grep --quiet '^answer 42$' "$folder/$1.log" || { cat "$folder/$1.log" >&2; exit 1; }
}

spans() { # spans VERSION: how many of them are of a SELECT
  grep --count '"db.statement": "SELECT 42"' "$folder/$1.log" || true
}

traced 2.0.44
traced 2.1.9
printf 'SQLAlchemy 2.0.44: %s spans of the SELECT\n' "$(spans 2.0.44)"
printf 'SQLAlchemy 2.1.9:  %s spans of the SELECT\n' "$(spans 2.1.9)"
grep --max-count=1 --ignore-case "instrument" "$folder/2.1.9.log" || true
if [ "$(spans 2.0.44)" -lt 1 ] || [ "$(spans 2.1.9)" -ne 0 ]; then
  echo "expected one or more, and none: the behaviour has changed" >&2
  exit 1
fi
