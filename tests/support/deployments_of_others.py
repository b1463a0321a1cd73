# SPDX-License-Identifier: Apache-2.0
"""Deployments of MLflow as others make them, in as many lines as matter here."""

from typing import Any

import yaml

from mlflow_conformance.cluster.bundle import Bundle

# MLflow's official chart: everything in `command`, the address by a Secret's key, named ports.
OFFICIAL = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: tracking-mlflow}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: mlflow, app.kubernetes.io/instance: tracking}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: mlflow, app.kubernetes.io/instance: tracking, team: ml}
    spec:
      imagePullSecrets: [{name: registry}]
      containers:
        - name: mlflow
          image: ghcr.io/mlflow/mlflow:v3.17.2-full
          command:
            - mlflow
            - server
            - --host=0.0.0.0
            - --port=5000
            - --workers=4
            - --static-prefix=/tracking
            - --uvicorn-opts=--ssl-keyfile=/etc/tls/tls.key --ssl-certfile=/etc/tls/tls.crt
          ports: [{name: https, containerPort: 5000}]
          readinessProbe: {httpGet: {path: /tracking/health, port: https, scheme: HTTPS}}
          env:
            - name: MLFLOW_BACKEND_STORE_URI
              valueFrom: {secretKeyRef: {name: database, key: uri}}
            - {name: MLFLOW_ARTIFACTS_DESTINATION, value: "s3://models/team-a"}
            - {name: AWS_REGION, value: eu-central-1}
      volumes: [{name: tls, secret: {secretName: tracking-tls}}]
---
kind: Service
metadata: {name: tracking-mlflow}
spec:
  type: ClusterIP
  clusterIP: 10.96.0.7
  ports: [{name: https, port: 443, targetPort: https}]
  selector: {app.kubernetes.io/name: mlflow, app.kubernetes.io/instance: tracking}
---
kind: Secret
metadata: {name: database}
stringData:
  uri: "postgresql://mlflow:s3cret-of-db@db.eu-central-1.rds.amazonaws.com:5433/tracking?sslmode=verify-full"
---
kind: NetworkPolicy
metadata: {name: tracking-mlflow}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/name: mlflow}}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports: [{port: 5000}]
      from:
        - namespaceSelector: {matchLabels: {mlflow: allowed}}
        - ipBlock: {cidr: 10.8.0.0/16}
---
kind: CronJob
metadata: {name: tracking-mlflow-gc}
spec:
  schedule: "0 3 * * 0"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: gc, image: "mlflow:3"}]}}}
"""

# community-charts: PGHOST and others by ConfigMap and Secret, Service at 80, an autoscaler from 1.
COMMUNITY = """
kind: Deployment
metadata: {name: mlflow}
spec:
  selector: {matchLabels: {app: mlflow}}
  template:
    metadata: {labels: {app: mlflow}}
    spec:
      containers:
        - name: mlflow
          image: burakince/mlflow:3.15.1
          command: [mlflow]
          args: [server, --host=0.0.0.0, --port=5000, "--backend-store-uri=postgresql://",
                 "--default-artifact-root=s3://buck/pp", "--uvicorn-opts='--log-level=info'"]
          ports: [{name: mlflow, containerPort: 5000}]
          envFrom: [{configMapRef: {name: env}}, {secretRef: {name: keys}}]
---
kind: ConfigMap
metadata: {name: env}
data: {PGHOST: postgres.db, PGPORT: "5432", PGDATABASE: mlflow, PGSSLMODE: require,
       MLFLOW_SERVER_ALLOWED_HOSTS: "mlflow.example,mlflow.ml.svc"}
---
kind: Secret
metadata: {name: keys}
data: {PGPASSWORD: cGFzc3dvcmQtb2YtcGc=}
---
kind: Service
metadata: {name: mlflow}
spec: {ports: [{name: http, port: 80, targetPort: mlflow}], selector: {app: mlflow}}
---
kind: HorizontalPodAutoscaler
metadata: {name: mlflow}
spec:
  scaleTargetRef: {kind: Deployment, name: mlflow}
  minReplicas: 1
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {averageUtilization: 80}}}]
---
kind: Ingress
metadata: {name: mlflow}
spec:
  tls: [{hosts: [mlflow.example], secretName: mlflow-example-tls}]
  rules:
    - host: mlflow.example
      http: {paths: [{path: /, backend: {service: {name: mlflow, port: {number: 80}}}}]}
"""

# Bitnami: another pod of the same image that only sleeps, stores beside it, a login.
BITNAMI = """
kind: Deployment
metadata: {name: mlflow-run}
spec:
  selector: {matchLabels: {component: run}}
  template:
    metadata: {labels: {component: run}}
    spec: {containers: [{name: mlflow, image: "docker.io/bitnami/mlflow:3.3.2-debian-12-r0",
                         command: [bash], args: ["-ec", "sleep infinity"]}]}
---
kind: Deployment
metadata: {name: mlflow-tracking}
spec:
  selector: {matchLabels: {component: tracking}}
  template:
    metadata: {labels: {component: tracking}}
    spec:
      containers:
        - name: mlflow
          image: docker.io/bitnami/mlflow:3.3.2-debian-12-r0
          command: [mlflow]
          args:
            - server
            - --backend-store-uri=postgresql://bn:$(PASSWORD)@mlflow-postgresql:5432/bitnami_mlflow
            - --artifacts-destination=s3://mlflow
            - --host=0.0.0.0
            - --port=5000
            - --app-name=basic-auth
          ports: [{name: http, containerPort: 5000}]
          env:
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: mlflow-postgresql, key: password}}}
            - {name: MLFLOW_S3_ENDPOINT_URL, value: "http://mlflow-minio:80"}
---
kind: Service
metadata: {name: mlflow-tracking}
spec: {type: LoadBalancer, ports: [{port: 80, targetPort: http}], selector: {component: tracking}}
status: {loadBalancer: {ingress: [{ip: 192.0.2.9}]}}
---
kind: Service
metadata: {name: mlflow-postgresql}
spec: {ports: [{port: 5432}], selector: {component: primary}}
---
kind: Service
metadata: {name: mlflow-minio}
spec: {ports: [{port: 80, targetPort: api}], selector: {component: minio}}
---
kind: NetworkPolicy
metadata: {name: mlflow-tracking}
spec: {podSelector: {matchLabels: {component: tracking}}, policyTypes: [Ingress, Egress],
       egress: [{}], ingress: [{ports: [{port: 5000}], from: null}]}
"""

# A page of the web: a shell installs what is missing, records in SQLite, no policies, one pod.
TUTORIAL = """
kind: Deployment
metadata: {name: mlflow-server}
spec:
  selector: {matchLabels: {app: mlflow-server}}
  template:
    metadata: {labels: {app: mlflow-server}}
    spec:
      containers:
        - name: server
          image: python:3.11-slim
          command: ["/bin/sh", "-c"]
          args:
            - >-
              pip install mlflow==2.14.1 &&
              exec mlflow server --host 0.0.0.0 -p 8080 --backend-store-uri sqlite:///data/mlflow.db
              --default-artifact-root /data/artifacts
---
kind: Service
metadata: {name: mlflow}
spec: {type: NodePort, ports: [{port: 80, targetPort: 8080}], selector: {app: mlflow-server}}
"""

# Nothing that a list of names would know: a StatefulSet by the image's own command.
STATEFUL = """
kind: StatefulSet
metadata: {name: tracker}
spec:
  serviceName: tracker
  replicas: 3
  selector: {matchLabels: {app: tracker}}
  template:
    metadata: {labels: {app: tracker}}
    spec: {containers: [{name: app, image: "registry.example/team/mlflow-with-drivers:7",
                         ports: [{containerPort: 5001}]}]}
---
kind: Service
metadata: {name: tracker}
spec: {clusterIP: None, ports: [{port: 5001}], selector: {app: tracker}}
"""

# The official chart beside its stores: its policy lets every namespace in, and theirs do not exist.
BESIDE = """
kind: Deployment
metadata: {name: mlflow-mlflow}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: mlflow}}
  template:
    metadata: {labels: {app.kubernetes.io/name: mlflow}}
    spec:
      containers:
        - name: mlflow
          image: ghcr.io/mlflow/mlflow:v3.17.2-full
          command: [mlflow, server, --host=0.0.0.0, --port=5000, --workers=1,
                    "--allowed-hosts=mlflow.example,mlflow-mlflow.ml.svc:5000,10.*"]
          ports: [{name: http, containerPort: 5000}]
          env:
            - {name: MLFLOW_BACKEND_STORE_URI, value: "postgresql://mlflow@postgres:5432/mlflow"}
            - {name: MLFLOW_ARTIFACTS_DESTINATION, value: "s3://mlflow/artifacts"}
            - {name: MLFLOW_S3_ENDPOINT_URL, value: "http://minio:9000"}
---
kind: Service
metadata: {name: mlflow-mlflow}
spec: {ports: [{name: http, port: 5000, targetPort: http}],
       selector: {app.kubernetes.io/name: mlflow}}
---
kind: Service
metadata: {name: postgres}
spec: {ports: [{port: 5432}], selector: {app: postgres}}
---
kind: Service
metadata: {name: minio}
spec: {ports: [{port: 9000}], selector: {app: minio}}
---
kind: Ingress
metadata: {name: mlflow-mlflow}
spec:
  tls: [{hosts: [mlflow.example], secretName: mlflow-tls}]
  rules:
    - host: mlflow.example
      http: {paths: [{path: /, backend: {service: {name: mlflow-mlflow, port: {name: http}}}}]}
---
kind: NetworkPolicy
metadata: {name: mlflow-mlflow}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/name: mlflow}}
  policyTypes: [Ingress, Egress]
  ingress: [{ports: [{port: 5000}], from: [{podSelector: {}}, {namespaceSelector: {}}]}]
  egress: [{ports: [{port: 53, protocol: UDP}]}, {ports: [{port: 443}, {port: 6443}]}]
"""


def bundle(text: str, **unreadable: str) -> Bundle:
    """The objects of a manifest, in the namespace `ml`."""
    objects: list[dict[str, Any]] = [o for o in yaml.safe_load_all(text) if o]
    return Bundle("ml", objects, unreadable)
