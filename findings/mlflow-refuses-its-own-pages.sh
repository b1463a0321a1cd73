#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MLflow 3.17.2 behind an ingress: `--allowed-hosts` alone leaves every page without data.
#
# A browser sends the Origin of the page with every POST, also to the page's own server. MLflow
# holds it against `--cors-allowed-origins` and does not compare it with the Host: a request whose
# Origin is exactly the Host that was allowed is answered with 403 "Cross-origin request blocked".
# Origins at localhost always pass, so it is not seen on the machine where the server is tried.
#
# Seen on 2026-11-29:
#   allowed host, no Origin             200
#   allowed host, its own Origin        403
#   the same, with that origin allowed  200
#   localhost as Origin                 200
set -euo pipefail

folder=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  server=
}
trap 'stop; rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

start() { # start OPTIONS...
  MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    "$folder/venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$folder/mlflow.db" --artifacts-destination "$folder/artifacts" \
    --allowed-hosts mlflow.example.com "$@" >"$folder/log" 2>&1 &
  server=$!
  for _ in $(seq 240); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health" && return
    sleep 0.5
  done
  cat "$folder/log" >&2
  return 1
}

status() { # status [HEADER]: of a search as the pages send it
  curl --silent --output /dev/null --write-out '%{http_code}' --header 'Host: mlflow.example.com' \
    ${1:+--header "$1"} --header 'Content-Type: application/json' --data '{"max_results": 1}' \
    "http://127.0.0.1:$port/ajax-api/2.0/mlflow/experiments/search"
}

expect() { # expect WHAT STATUS SEEN
  printf '%-36s%s\n' "$1" "$3"
  [ "$2" = "$3" ] || { echo "expected $2: the behaviour has changed" >&2; exit 1; }
}

start
expect 'allowed host, no Origin' 200 "$(status)"
expect 'allowed host, its own Origin' 403 "$(status 'Origin: https://mlflow.example.com')"
expect 'localhost as Origin' 200 "$(status 'Origin: http://localhost:5000')"
stop
start --cors-allowed-origins https://mlflow.example.com
expect 'the same, with that origin allowed' 200 "$(status 'Origin: https://mlflow.example.com')"
