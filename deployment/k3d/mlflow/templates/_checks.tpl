{{/* Combinations that a schema cannot tell to be impossible: one sentence each, with the remedy. */}}
{{- define "mlflow.checks" -}}
{{- $v := .Values -}}
{{- if $v.redis.enabled -}}
{{- fail "redis.enabled: MLflow has no cache in Redis; leave it false and raise autoscaling.maxReplicas or mlflow.workers for more reads." -}}
{{- end -}}
{{- if $v.mlflow.threads -}}
{{- fail "mlflow.threads: MLflow checks Host headers only under uvicorn, whose workers serve 40 requests at once and have no number of threads; leave it null and raise mlflow.workers." -}}
{{- end -}}
{{- if and $v.postgresql.enabled (or $v.backendStore.uri $v.backendStore.existingSecret $v.backendStore.caSecret) -}}
{{- fail "backendStore names an external database while postgresql.enabled is true; set postgresql.enabled=false or leave backendStore empty." -}}
{{- end -}}
{{- if and (not $v.postgresql.enabled) (not (or $v.backendStore.uri $v.backendStore.existingSecret)) -}}
{{- fail "postgresql.enabled is false and no database is named; set backendStore.uri or backendStore.existingSecret." -}}
{{- end -}}
{{- if and $v.backendStore.uri $v.backendStore.existingSecret -}}
{{- fail "backendStore.uri and backendStore.existingSecret are both set; keep one of them." -}}
{{- end -}}
{{- if and $v.minio.enabled (or $v.artifactStore.uri $v.artifactStore.existingSecret $v.artifactStore.endpointUrl $v.artifactStore.caSecret) -}}
{{- fail "artifactStore names an external object store while minio.enabled is true; set minio.enabled=false or leave artifactStore empty." -}}
{{- end -}}
{{- if and (not $v.minio.enabled) (not $v.artifactStore.uri) -}}
{{- fail "minio.enabled is false and no object store is named; set artifactStore.uri to s3://bucket/prefix." -}}
{{- end -}}
{{- if and (not $v.minio.enabled) $v.backup.enabled (not $v.backup.destination) -}}
{{- fail "minio.enabled is false and backups have nowhere to go; set backup.destination to s3://bucket/prefix or backup.enabled=false." -}}
{{- end -}}
{{- if and $v.minio.enabled $v.backup.destination -}}
{{- fail "backup.destination is set while minio.enabled is true; set minio.enabled=false or leave backup.destination empty." -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not (and $v.postgresql.enabled $v.minio.enabled)) (not $v.networkPolicy.external) -}}
{{- fail "networkPolicy.enabled would cut the external database or object store off; list its addresses in networkPolicy.external, each with cidr and port." -}}
{{- end -}}
{{- if and $v.webhooks.receivers (not $v.networkPolicy.enabled) -}}
{{- fail "webhooks.receivers lets MLflow call private addresses, which only the network policies bound; set networkPolicy.enabled=true or leave the list empty." -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas; lower the first or raise the second." -}}
{{- end -}}
{{- $replicas := ternary $v.autoscaling.minReplicas $v.replicaCount $v.autoscaling.enabled | int -}}
{{- if and $v.podDisruptionBudget.enabled (ge (int $v.podDisruptionBudget.minAvailable) $replicas) -}}
{{- fail (printf "podDisruptionBudget.minAvailable %d with %d replicas would let no node be drained; lower it, or disable the budget." (int $v.podDisruptionBudget.minAvailable) $replicas) -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (not (dig "requests" "cpu" "" $v.resources)) -}}
{{- fail "autoscaling by CPU needs resources.requests.cpu; set it, or autoscaling.enabled=false." -}}
{{- end -}}
{{- $rest := add 250 (mul 180 (int $v.mlflow.workers)) | int -}}
{{- $limit := include "mlflow.mebibytes" (dig "limits" "memory" "" $v.resources) | int -}}
{{- if and $limit (lt $limit $rest) -}}
{{- fail (printf "resources.limits.memory is less than the %dMi that %d workers take at rest; raise it or lower mlflow.workers." $rest (int $v.mlflow.workers)) -}}
{{- end -}}
{{- if and $v.autoscaling.enabled $v.autoscaling.targetMemoryUtilizationPercentage -}}
{{- $request := include "mlflow.mebibytes" (dig "requests" "memory" "" $v.resources) | int -}}
{{- if lt (div (mul $request (int $v.autoscaling.targetMemoryUtilizationPercentage)) 100 | int) $rest -}}
{{- fail (printf "autoscaling.targetMemoryUtilizationPercentage would keep maxReplicas for ever: %d workers take %dMi at rest; raise resources.requests.memory or set the target to null." (int $v.mlflow.workers) $rest) -}}
{{- end -}}
{{- end -}}
{{- if and $v.postgresql.enabled $v.postgresql.maxConnections -}}
{{- $needed := include "mlflow.poolConnections" . | int -}}
{{- if lt (int $v.postgresql.maxConnections) (add $needed 20 | int) -}}
{{- fail (printf "postgresql.maxConnections %d is less than the %d that the server's pools can need at full scale and 20 more; raise it, or lower mlflow.workers, mlflow.databasePool or autoscaling.maxReplicas." (int $v.postgresql.maxConnections) $needed) -}}
{{- end -}}
{{- end -}}
{{- if and $v.restore.enabled (not $v.restore.backupFile) -}}
{{- fail "restore.enabled needs restore.backupFile, the name of a backup; list them as the chart's README shows." -}}
{{- end -}}
{{- if and $v.restore.enabled (not $v.restore.fromS3) -}}
{{- fail "restore.fromS3 is false, but backups are kept nowhere else than in S3; set it to true." -}}
{{- end -}}
{{- if and $v.restore.enabled (not $v.postgresql.enabled) -}}
{{- fail "restore.enabled works on the chart's own PostgreSQL, whose databases it may create and rename; with an external one follow docs/deployment-k3d.md." -}}
{{- end -}}
{{- if and $v.restore.enabled (not $v.backup.enabled) -}}
{{- fail "restore.enabled needs backup.enabled, whose accounts and keys it reads the backup with; set backup.enabled=true." -}}
{{- end -}}
{{- if and $v.auditor.enabled (not $v.auditor.namespace) -}}
{{- fail "auditor.enabled needs auditor.namespace, the namespace whose pods may read PostgreSQL and MinIO." -}}
{{- end -}}
{{- if and $v.auditor.enabled (not (and $v.postgresql.enabled $v.minio.enabled)) -}}
{{- fail "auditor.enabled makes accounts in the chart's own PostgreSQL and MinIO; enable both, or make read-only accounts yourself." -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) -}}
{{- fail "ingress.enabled needs at least one entry in ingress.hosts, each with a host." -}}
{{- end -}}
{{- $own := include "mlflow.ownEnv" . | fromYamlArray -}}
{{- range $v.env -}}
{{- if has .name $own -}}
{{- fail (printf "env: %s is set by the chart; use the value for it instead (see the chart's README)." .name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Names in the server's environment that belong to the chart. */}}
{{- define "mlflow.ownEnv" -}}
{{- $names := list "HOME" "MLFLOW_BACKEND_STORE_URI" "MLFLOW_DISABLE_TELEMETRY" "DO_NOT_TRACK" "MLFLOW_SERVER_ENABLE_JOB_EXECUTION" "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD" "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD" "MLFLOW_FLASK_SERVER_SECRET_KEY" "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY" "MLFLOW_WEBHOOK_CACHE_TTL" "MLFLOW_WEBHOOK_ALLOWED_SCHEMES" "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS" "MLFLOW_CRYPTO_KEK_PASSPHRASE" "MLFLOW_S3_ENDPOINT_URL" "MLFLOW_AUTH_CONFIG_PATH" "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE" "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW" "MLFLOW_SERVER_ALLOWED_HOSTS" "MLFLOW_WORKERS" "MLFLOW_HOST" "MLFLOW_PORT" -}}
{{- if or .Values.minio.enabled .Values.artifactStore.existingSecret -}}
{{- $names = concat $names (list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY") -}}
{{- end -}}
{{- toYaml $names -}}
{{- end }}

{{/* A quantity of memory in MiB; 0 for one in another unit than Mi or Gi. */}}
{{- define "mlflow.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}
{{ mulf (trimSuffix "Gi" . | float64) 1024 | int }}
{{- else if hasSuffix "Mi" . -}}
{{ trimSuffix "Mi" . | int }}
{{- else -}}
0
{{- end -}}
{{- end }}
