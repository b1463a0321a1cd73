{{/* Pods of this release; call with (list root component…). */}}
{{- define "mlflow.podsOf" -}}
{{- $root := index . 0 -}}
podSelector:
  matchLabels:
    app.kubernetes.io/name: {{ $root.Chart.Name }}
    app.kubernetes.io/instance: {{ $root.Release.Name }}
  matchExpressions:
    - key: app.kubernetes.io/component
      operator: In
      values: {{ rest . | toJson }}
{{- end }}

{{/* Pods elsewhere; call with (list namespaceLabels podLabels). */}}
{{- define "mlflow.podsIn" -}}
namespaceSelector:
  matchLabels: {{ toYaml (index . 0) | nindent 4 }}
{{- with index . 1 }}
podSelector:
  matchLabels: {{ toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "mlflow.egressDns" -}}
- to:
    - {{ include "mlflow.podsIn" (list .Values.networkPolicy.dns.namespaceLabels .Values.networkPolicy.dns.podLabels) | nindent 6 | trim }}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{- define "mlflow.egressPostgresql" -}}
{{- if .Values.postgresql.enabled }}
- to:
    - {{ include "mlflow.podsOf" (list . "postgresql") | nindent 6 | trim }}
  ports:
    - {port: 5432, protocol: TCP}
{{- end }}
{{- end }}

{{- define "mlflow.egressS3" -}}
{{- if .Values.minio.enabled }}
- to:
    - {{ include "mlflow.podsOf" (list . "minio") | nindent 6 | trim }}
  ports:
    - {port: 9000, protocol: TCP}
{{- end }}
{{- end }}

{{- define "mlflow.egressWebhooks" -}}
{{- range .Values.webhooks.receivers }}
- to:
    - {{ include "mlflow.podsIn" (list .namespaceLabels .podLabels) | nindent 6 | trim }}
  ports:
    - {port: {{ .port }}, protocol: TCP}
{{- end }}
{{- end }}

{{- define "mlflow.egressExternal" -}}
{{- range .Values.networkPolicy.external }}
- to:
    - ipBlock: {cidr: {{ .cidr }}}
  ports:
    - {port: {{ .port }}, protocol: TCP}
{{- end }}
{{- end }}
