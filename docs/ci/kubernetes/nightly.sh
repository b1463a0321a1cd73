#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One gate and its reports in the bucket; ends as the gate does. What it began it also ends when the
# pod is stopped: the gate gets the signal, puts back what it made, and its reports are still kept.
set -u
run=/results/run

mlflow-conformance gate --profile /config/mine.yaml --kubeconfig /config/kubeconfig --context here \
  --namespace "$MLFLOW_NAMESPACE" --without-disruption --output "$run" &
gate=$!
trap 'kill -TERM "$gate"' TERM INT
wait "$gate"
code=$?
# A signal ends a wait, not the gate.
while kill -0 "$gate" 2>/dev/null; do
  wait "$gate"
  code=$?
done

if [ -f "$run/summary.md" ]; then
  # What `kubectl describe pod` shows of a pod that has ended.
  head -c 4000 "$run/summary.md" >/dev/termination-log
  mlflow-conformance upload "$run" "$BUCKET" || [ "$code" != 0 ] || code=3
fi
exit "$code"
