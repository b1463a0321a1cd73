#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MLflow 3.17.2 refuses a model version that 3.16.1 takes: one whose source lies among MLflow's own
# artifacts, registered without the `run_id` of the run that it lies in.
#
# `POST model-versions/create` takes a name and a source; the run was never required, and is what
# `MlflowClient.create_model_version(name, source)` leaves out. From 3.17 such a request is answered
# with 400, "must identify the resource that contains the source". With the run, and with a source
# elsewhere, nothing changed. A program that registers models by REST breaks on the day of the upgrade.
#
# Seen on 2026-11-30:
#                                 3.16.1  3.17.2
#   artifacts, no run             200     400
#   artifacts, with their run     200     200
#   elsewhere, no run             200     200
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
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
api="http://127.0.0.1:$port/api/2.0/mlflow"

start() { # start VERSION
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "mlflow==$1"
  MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    "$folder/$1/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$folder/$1.db" --artifacts-destination "$folder/artifacts" \
    >"$folder/log" 2>&1 &
  server=$!
  for _ in $(seq 480); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health" && return
    sleep 0.5
  done
  cat "$folder/log" >&2
  return 1
}

post() { # post CALL BODY: what it answers
  curl --silent --header 'Content-Type: application/json' --data "$2" "$api/$1"
}

created() { # created SOURCE [RUN]: the status of a version's registration
  local run=${2:+", \"run_id\": \"$2\""}
  curl --silent --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' \
    --data "{\"name\": \"model\", \"source\": \"$1\"$run}" "$api/model-versions/create"
}

expect() { # expect WHAT STATUS SEEN
  printf '%-40s%s\n' "$1" "$3"
  [ "$2" = "$3" ] || { echo "expected $2: the behaviour has changed" >&2; exit 1; }
}

for version in 3.16.1 3.17.2; do
  start "$version"
  run=$(post runs/create '{"experiment_id": "0"}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["run"]["info"]["run_id"])')
  post registered-models/create '{"name": "model"}' >/dev/null
  source="mlflow-artifacts:/0/$run/artifacts/model"
  [ "$version" = 3.16.1 ] && without=200 || without=400
  expect "$version: artifacts, no run" "$without" "$(created "$source")"
  expect "$version: artifacts, with their run" 200 "$(created "$source" "$run")"
  expect "$version: elsewhere, no run" 200 "$(created s3://elsewhere/model)"
  stop
done
