{{/* The release's name is the base of every object's name: release `mlflow` gives `mlflow`. */}}
{{- define "mlflow.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Call with (list root component). */}}
{{- define "mlflow.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/*
Call with (list root component): where its pod is. Without either of the two stores uploads fail, and
the volumes of most small clusters are bound to a node: on one node, every other can be drained.
*/}}
{{- define "mlflow.beside" -}}
podAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{ include "mlflow.selector" . | nindent 12 }}
{{- end }}

{{- define "mlflow.labels" -}}
{{- $root := index . 0 -}}
{{ include "mlflow.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | quote }}
{{- end }}

{{/* Call with an image of the values and the tag that an empty tag means. */}}
{{- define "mlflow.image" -}}
{{- $image := index . 0 -}}
{{ printf "%s:%s" $image.repository ($image.tag | default (index . 1)) | quote }}
{{- end }}

{{- define "mlflow.serverImage" -}}
image: {{ include "mlflow.image" (list .Values.image .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* Call with the user ID that the image's files belong to. */}}
{{- define "mlflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "mlflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
privileged: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What every pod says about its identity; call with (list root component). */}}
{{- define "mlflow.podIdentity" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "mlflow.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
hostNetwork: false
hostPID: false
hostIPC: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "mlflow.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- if eq $component "server" -}}
{{ include "mlflow.fullname" $root }}
{{- else -}}
{{ printf "%s-%s" (include "mlflow.fullname" $root) $component }}
{{- end -}}
{{- end }}

{{/* A variable from a Secret; call with (list variable secret key). */}}
{{- define "mlflow.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end }}

{{/* Small fixed resources of init containers and of Jobs that only send a few requests. */}}
{{- define "mlflow.smallResources" -}}
requests: {cpu: 50m, memory: 64Mi}
limits: {cpu: 500m, memory: 256Mi}
{{- end }}

{{/* What Python needs to run on a read-only root file system. */}}
{{- define "mlflow.pythonEnv" -}}
- name: HOME
  value: /tmp
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
- name: PYTHONUNBUFFERED
  value: "1"
- name: MLFLOW_DISABLE_TELEMETRY
  value: "true"
- name: DO_NOT_TRACK
  value: "true"
{{- end }}

{{- define "mlflow.scriptsVolume" -}}
- name: scripts
  configMap:
    name: {{ include "mlflow.fullname" . }}-scripts
    defaultMode: 0444
{{- end }}

{{- define "mlflow.scriptsMount" -}}
- name: scripts
  mountPath: /opt/chart
  readOnly: true
{{- end }}

{{/* Where the tracking database's address is kept. */}}
{{- define "mlflow.backendStoreSecret" -}}
{{- .Values.backendStore.existingSecret | default (printf "%s-secret" (include "mlflow.fullname" .)) -}}
{{- end }}

{{/* An external database that must have a certificate of this authority, for its own name. */}}
{{- define "mlflow.databaseCaEnv" -}}
{{- if .Values.backendStore.caSecret }}
- name: PGSSLMODE
  value: verify-full
- name: PGSSLROOTCERT
  value: /etc/mlflow-database-ca/ca.crt
{{- end }}
{{- end }}

{{- define "mlflow.databaseCaVolume" -}}
{{- with .Values.backendStore.caSecret }}
- name: database-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{- define "mlflow.databaseCaMount" -}}
{{- if .Values.backendStore.caSecret }}
- name: database-ca
  mountPath: /etc/mlflow-database-ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "mlflow.s3Endpoint" -}}
{{- if .Values.minio.enabled -}}
{{ ternary "https" "http" .Values.minio.tls }}://{{ include "mlflow.fullname" . }}-minio:9000
{{- else -}}
{{ .Values.artifactStore.endpointUrl }}
{{- end -}}
{{- end }}

{{- define "mlflow.artifactsDestination" -}}
{{- ternary "s3://mlflow-artifacts" .Values.artifactStore.uri .Values.minio.enabled -}}
{{- end }}

{{- define "mlflow.backupDestination" -}}
{{- ternary "s3://mlflow-backups/postgres-backups" .Values.backup.destination .Values.minio.enabled -}}
{{- end }}

{{/* The Secret with the authority of the object store's certificate; empty for the system's. */}}
{{- define "mlflow.s3CaSecret" -}}
{{- if not .Values.minio.enabled -}}
{{ .Values.artifactStore.caSecret }}
{{- else if .Values.minio.tls -}}
{{ include "mlflow.fullname" . }}-minio-tls
{{- end -}}
{{- end }}

{{/* Where S3 is, and whose certificate to trust. */}}
{{- define "mlflow.s3Env" -}}
- name: AWS_DEFAULT_REGION
  value: {{ .Values.artifactStore.region }}
{{- with include "mlflow.s3Endpoint" . }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . }}
- name: MLFLOW_S3_ENDPOINT_URL
  value: {{ . }}
{{- end }}
{{- if include "mlflow.s3CaSecret" . }}
- name: AWS_CA_BUNDLE
  value: /etc/mlflow-s3-ca/ca.crt
{{- end }}
{{- end }}

{{- define "mlflow.s3CaVolume" -}}
{{- with include "mlflow.s3CaSecret" . }}
- name: s3-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{- define "mlflow.s3CaMount" -}}
{{- if include "mlflow.s3CaSecret" . }}
- name: s3-ca
  mountPath: /etc/mlflow-s3-ca
  readOnly: true
{{- end }}
{{- end }}

{{/* Connections that the server's pools can open at maxReplicas, one more pod during an update. */}}
{{- define "mlflow.poolConnections" -}}
{{- $replicas := ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int -}}
{{- $engines := ternary 3 2 .Values.auth.enabled -}}
{{- $pool := add (int .Values.mlflow.databasePool.size) (int .Values.mlflow.databasePool.overflow) -}}
{{- mul (add1 $replicas) (int .Values.mlflow.workers) $engines $pool -}}
{{- end }}

{{/*
Host headers that the server answers. MLflow compares the whole header, port included, and treats
an entry as a glob only if it has an asterisk; `*` also matches dots, so an address is written
digit by digit: `10.42.*` would let 10.42.evil.example in.
*/}}
{{- define "mlflow.allowedHosts" -}}
{{- $hosts := list "localhost" "localhost:*" "127.0.0.1" "127.0.0.1:*" -}}
{{- $name := include "mlflow.fullname" . -}}
{{- $namespace := .Release.Namespace -}}
{{- range list $name (printf "%s.%s" $name $namespace) (printf "%s.%s.svc" $name $namespace) (printf "%s.%s.svc.cluster.local" $name $namespace) -}}
{{- $hosts = concat $hosts (list . (printf "%s:%d" . (int $.Values.service.port))) -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- range .Values.ingress.hosts -}}
{{- $hosts = concat $hosts (list .host (printf "%s:*" .host)) -}}
{{- end -}}
{{- end -}}
{{- $octets := list "[0-9]" "[0-9][0-9]" "[0-9][0-9][0-9]" -}}
{{- range $third := $octets -}}
{{- range $fourth := $octets -}}
{{- $hosts = append $hosts (printf "%s.%s.%s:5000*" $.Values.mlflow.podNetwork $third $fourth) -}}
{{- end -}}
{{- end -}}
{{- concat $hosts .Values.mlflow.allowedHosts | uniq | join "," -}}
{{- end }}

{{/*
Origins of web pages that may call the API. MLflow's own pages are among them: a browser sends the
Origin of the page with every POST, also to the page's own server, and MLflow refuses those that it
does not know but for localhost. A port counts; browsers leave the scheme's own out.
*/}}
{{- define "mlflow.allowedOrigins" -}}
{{- $origins := list -}}
{{- if .Values.ingress.enabled -}}
{{- range .Values.ingress.hosts -}}
{{- $origins = concat $origins (list (printf "https://%s" .host) (printf "https://%s:[0-9]*" .host)) -}}
{{- end -}}
{{- end -}}
{{- concat $origins .Values.mlflow.corsAllowedOrigins | uniq | join "," -}}
{{- end }}

{{/*
One credential of a Secret, as it goes into `data`: what the user gave, else what the Secret on the
cluster already holds, else a fresh one. A changed `rotation` forgets what the cluster holds.
Call with (dict "root" $ "secret" name "key" key "given" text "fresh" text "rotation" text).
*/}}
{{- define "mlflow.credential" -}}
{{- $old := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict -}}
{{- $data := get $old "data" | default dict -}}
{{- $same := eq .rotation (dig "metadata" "annotations" "mlflow-chart/rotation" "" $old) -}}
{{- if .given -}}
{{ .given | b64enc }}
{{- else if and $same (hasKey $data .key) -}}
{{ get $data .key }}
{{- else -}}
{{ .fresh | b64enc }}
{{- end -}}
{{- end }}

{{/* Changes when a credential of the values or the rotation does, so that pods are made anew. */}}
{{- define "mlflow.credentialsChecksum" -}}
{{- list .Values.credentials .Values.postgresql.auth .Values.minio.auth .Values.auth .Values.backendStore .Values.artifactStore | toJson | sha256sum -}}
{{- end }}

{{/*
Data of a TLS Secret signed by a CA of its own: kept while the names are the same and the
certificate has 30 days to live, else made anew.
Call with (dict "root" $ "secret" name "names" list "addresses" list).
*/}}
{{- define "mlflow.certificate" -}}
{{- $old := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict -}}
{{- $names := concat .names .addresses | uniq | join "," -}}
{{- $days := 365 -}}
{{- $renew := now | unixEpoch | int64 | add (mul (sub $days 30) 86400) -}}
{{- $oldRenew := dig "metadata" "annotations" "mlflow-chart/renew-after" "0" $old | int64 -}}
{{- $keep := and (eq $names (dig "metadata" "annotations" "mlflow-chart/names" "" $old)) (gt $oldRenew (now | unixEpoch | int64)) -}}
metadata:
  annotations:
    mlflow-chart/names: {{ $names | quote }}
    mlflow-chart/renew-after: {{ ternary $oldRenew $renew $keep | toString | quote }}
{{- if $keep }}
data: {{ toYaml $old.data | nindent 2 }}
{{- else }}
{{- $ca := genCA (printf "%s CA" .secret) $days }}
{{- $cert := genSignedCert (first .names) .addresses (.names | uniq) $days $ca }}
data:
  ca.crt: {{ $ca.Cert | b64enc }}
  tls.crt: {{ $cert.Cert | b64enc }}
  tls.key: {{ $cert.Key | b64enc }}
{{- end }}
{{- end }}
