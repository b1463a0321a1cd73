{{/* What migrate.py reads: the Job of every release and the restore run it. */}}
{{- define "mlflow.migrationEnv" -}}
{{- $name := include "mlflow.fullname" . -}}
{{- include "mlflow.secretEnv" (list "MLFLOW_BACKEND_STORE_URI" (include "mlflow.backendStoreSecret" .) "backend-store-uri") }}
{{- if .Values.postgresql.enabled }}
- name: PGHOST
  value: {{ $name }}-postgresql
{{ include "mlflow.secretEnv" (list "PGUSER" (printf "%s-admin" $name) "postgresql-username") }}
{{ include "mlflow.secretEnv" (list "PGPASSWORD" (printf "%s-admin" $name) "postgresql-password") }}
{{ include "mlflow.secretEnv" (list "MLFLOW_ROLE_PASSWORD" (printf "%s-secret" $name) "postgresql-password") }}
{{- if .Values.backup.enabled }}
{{ include "mlflow.secretEnv" (list "BACKUP_ROLE_PASSWORD" (printf "%s-backup" $name) "postgresql-password") }}
{{- end }}
{{- if .Values.auditor.enabled }}
{{ include "mlflow.secretEnv" (list "AUDITOR_ROLE_PASSWORD" (printf "%s-auditor" $name) "postgresql-password") }}
{{- end }}
{{- if .Values.postgresql.metrics.enabled }}
- name: METRICS_ROLE
  value: "true"
{{- end }}
- name: CREATE_INDEXES
  value: {{ .Values.postgresql.indexes | quote }}
{{- end }}
{{- if .Values.auth.enabled }}
{{ include "mlflow.secretEnv" (list "AUTH_ADMIN_USERNAME" (printf "%s-secret" $name) "auth-username") }}
{{ include "mlflow.secretEnv" (list "AUTH_ADMIN_PASSWORD" (printf "%s-secret" $name) "auth-password") }}
{{ include "mlflow.secretEnv" (list "AUTH_PROBE_PASSWORD" (printf "%s-keys" $name) "probe-password") }}
{{- end }}
{{- end }}

{{/* Where backups are and how they are sealed: the backup and the restore read it. */}}
{{- define "mlflow.backupEnv" -}}
{{- $name := include "mlflow.fullname" . -}}
{{- include "mlflow.s3Env" . }}
- name: BACKUP_DESTINATION
  value: {{ include "mlflow.backupDestination" . }}
- name: SCRATCH
  value: /scratch
{{ include "mlflow.secretEnv" (list "BACKUP_KEY" (printf "%s-keys" $name) "backup-key") }}
{{- if .Values.minio.enabled }}
{{ include "mlflow.secretEnv" (list "AWS_ACCESS_KEY_ID" (printf "%s-backup" $name) "s3-access-key") }}
{{ include "mlflow.secretEnv" (list "AWS_SECRET_ACCESS_KEY" (printf "%s-backup" $name) "s3-secret-key") }}
{{- else if .Values.backup.existingSecret }}
{{ include "mlflow.secretEnv" (list "AWS_ACCESS_KEY_ID" .Values.backup.existingSecret "AWS_ACCESS_KEY_ID") }}
{{ include "mlflow.secretEnv" (list "AWS_SECRET_ACCESS_KEY" .Values.backup.existingSecret "AWS_SECRET_ACCESS_KEY") }}
{{- end }}
{{- end }}
