"""Write deploy/k8s/base: the manifests of every service, from the one description below.

Eight services of one shape would be eight times the same YAML, edited in seven of eight places. Operators read
and patch what is written; nobody edits it. `--check` fails when the files are not what this would write.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from headwater.provision import BROKER_USERS, permissions_of, topic_permissions_of
from kernel.config import CONTEXTS
from kernel.topology import BACKFILL, EXCHANGES, backfill_queue

BASE = Path(__file__).resolve().parent.parent / "deploy" / "k8s" / "base"
NAMESPACE = "headwater"
GRPC, HTTP, PROBES, OTLP = 50051, 8080, 8081, 4318
BROKER, DATABASE = "headwater-broker", "headwater-database"
VHOST = "headwater"
PARTITIONS = 8
_MOST_BUSES = PARTITIONS
"""More buses than partitions would have nothing to read."""

MEMORY_MI = {"api": 160, "relay": 112, "worker": 112, "bus": 128, "gateway": 128}
"""Requests, in MiB: one process holds 78 to 88 when it has started (deploy/README.md); the limit is twice as much."""
CPU_M = {"api": 250, "relay": 100, "worker": 100, "bus": 250, "gateway": 250}

Manifest = dict[str, Any]


def manifest(api: str, kind: str, name: str, spec: Any = None, **more: Any) -> Manifest:
    """One object; `more` stands beside its spec."""
    body: Manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels(name)}}
    return body | ({"spec": spec} if spec is not None else {}) | more


def labels(name: str) -> dict[str, str]:
    context = name.split("-", maxsplit=1)[0]
    return {
        "app.kubernetes.io/part-of": "headwater",
        "app.kubernetes.io/component": context,
        "app.kubernetes.io/name": name,
    }


def selector(name: str) -> Manifest:
    return {"matchLabels": {"app.kubernetes.io/name": name}}


# -- processes ---------------------------------------------------------------------


def environment(context: str) -> list[Manifest]:
    """What is a service's own. All share the ConfigMap; secrets come whole from <context>-secrets."""
    prefix = context.upper()
    files = (("CA", "ca.crt"), ("CERT", "tls.crt"), ("KEY", "tls.key"))
    values = {f"{prefix}_TLS_{what}": f"/tls/{file}" for what, file in files}
    if context == "gateway":
        values["GATEWAY_LISTEN"] = f"0.0.0.0:{HTTP}"
    else:
        values |= {f"{prefix}_LISTEN": f"0.0.0.0:{GRPC}", f"{prefix}_KEYRING": "/keys/ring.json"}
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def shared_settings() -> dict[str, str]:
    """What every process is told."""
    targets = {f"{peer.upper()}_TARGET": f"{peer}-api:{GRPC}" for peer in CONTEXTS}
    return targets | {
        "HEADWATER_PUBLIC_URL": "https://crm.example.org",
        "HEADWATER_PARTITIONS": str(PARTITIONS),
        "HEADWATER_PROBES": f"0.0.0.0:{PROBES}",
        "HEADWATER_CHECKPOINTS": "/checkpoints",
        "HEADWATER_OTLP_ENDPOINT": f"http://collector:{OTLP}",
    }


def container(context: str, process: str) -> Manifest:
    is_gateway = context == "gateway"
    port = HTTP if is_gateway else PROBES
    memory = MEMORY_MI[process]
    ports = [{"name": "http" if is_gateway else "probes", "containerPort": port}]
    if process == "api":
        ports.append({"name": "grpc", "containerPort": GRPC})
    ready, lives = ({"httpGet": {"path": path, "port": port}} for path in ("/readyz", "/livez"))
    secrets = [{"secretRef": {"name": f"{context}-secrets"}}]
    return {
        "name": process,
        "image": f"headwater-{context}",
        "args": [] if is_gateway else [process],
        "env": environment(context),
        "envFrom": [{"configMapRef": {"name": "headwater"}}, *secrets],
        "ports": ports,
        "startupProbe": ready | {"periodSeconds": 2, "failureThreshold": 60},
        "readinessProbe": ready | {"periodSeconds": 5, "timeoutSeconds": 4},
        "livenessProbe": lives | {"periodSeconds": 10, "timeoutSeconds": 4, "failureThreshold": 3},
        "resources": {
            "requests": {"cpu": f"{CPU_M[process]}m", "memory": f"{memory}Mi"},
            "limits": {"memory": f"{2 * memory}Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts(context),
    }


def mounts(context: str) -> list[Manifest]:
    found: list[Manifest] = [
        {"name": "tls", "mountPath": "/tls", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    if context != "gateway":
        found += [{"name": "keys", "mountPath": "/keys"}, {"name": "checkpoints", "mountPath": "/checkpoints"}]
    return found


def volumes(context: str) -> list[Manifest]:
    found: list[Manifest] = [
        {"name": "tls", "secret": {"secretName": f"{context}-tls", "defaultMode": 0o440}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    if context != "gateway":
        found += [
            {"name": "keys", "persistentVolumeClaim": {"claimName": f"{context}-keys"}},
            {"name": "checkpoints", "persistentVolumeClaim": {"claimName": f"{context}-checkpoints"}},
        ]
    return found


def pod(context: str, process: str, name: str) -> Manifest:
    spread = [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector(name)}
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    return {
        "serviceAccountName": context,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 20,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": spread,
        "containers": [container(context, process)],
        "volumes": volumes(context),
    }


def deployment(context: str, process: str) -> Manifest:
    """Replicas are left out where a scaler sets them; relays are two, of which one is active."""
    name = context if context == "gateway" else f"{context}-{process}"
    spec: Manifest = {} if process in ("api", "bus", "gateway") else {"replicas": 2}
    spec |= {
        "revisionHistoryLimit": 5,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": selector(name),
        "template": {"metadata": {"labels": labels(name)}, "spec": pod(context, process, name)},
    }
    return manifest("apps/v1", "Deployment", name, spec)


def job(context: str, command: str) -> Manifest:
    """A command that ends. The secret <context>-owner, which jobs alone see, holds the owner's password."""
    name = f"{context}-{command}"
    template = pod(context, "worker", name)
    runs = template["containers"][0]
    for unwanted in ("ports", "startupProbe", "readinessProbe", "livenessProbe"):
        del runs[unwanted]
    runs |= {"name": command, "args": [command]}
    runs["envFrom"].append({"secretRef": {"name": f"{context}-owner"}})
    template["restartPolicy"] = "OnFailure"
    spec = {
        "backoffLimit": 10,
        "activeDeadlineSeconds": 1800,
        "ttlSecondsAfterFinished": 86400,
        "template": {"metadata": {"labels": labels(name)}, "spec": template},
    }
    return manifest("batch/v1", "Job", name, spec)


def service(context: str) -> Manifest:
    name = context if context == "gateway" else f"{context}-api"
    port = ("http", HTTP) if context == "gateway" else ("grpc", GRPC)
    spec: Manifest = {
        "selector": selector(name)["matchLabels"],
        "ports": [{"name": port[0], "port": port[1], "targetPort": port[0]}],
    }
    if context != "gateway":
        spec["clusterIP"] = "None"  # clients see every replica and share their calls out themselves
    return manifest("v1", "Service", name, spec)


# -- how many ------------------------------------------------------------------------


def prometheus(query: str, threshold: str) -> Manifest:
    """A trigger: so many replicas that the query's value a replica stays below the threshold."""
    found = {"serverAddress": "http://prometheus:9090", "query": query, "threshold": threshold}
    return {"type": "prometheus", "metricType": "Value", "metadata": found}


def scaler(context: str, process: str) -> Manifest:
    """KEDA makes the HPA. Buses follow what waits for them, apis and the gateway how long their callers wait."""
    name = context if context == "gateway" else f"{context}-{process}"
    if process == "bus":
        least, most = 2, _MOST_BUSES
        triggers = [prometheus(f'max(consumer_lag_seconds{{service="{context}"}})', "5")]
    else:
        least, most = 2, 12
        metric = "http_server_request_duration" if process == "gateway" else "rpc_server_call_duration"
        buckets = f'rate({metric}_seconds_bucket{{service_name="{context}"}}[2m])'
        triggers = [
            prometheus(f"histogram_quantile(0.95, sum by (le) ({buckets}))", "0.1"),
            {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "75"}},
        ]
    spec = {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": least,
        "maxReplicaCount": most,
        "cooldownPeriod": 300,
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
            }
        },
        "triggers": triggers,
    }
    return manifest("keda.sh/v1alpha1", "ScaledObject", name, spec)


def budget(name: str) -> Manifest:
    return manifest("policy/v1", "PodDisruptionBudget", name, {"maxUnavailable": 1, "selector": selector(name)})


# -- who may talk to whom --------------------------------------------------------------


def _part_of_headwater() -> Manifest:
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "headwater"}}}


def walls() -> list[Manifest]:
    """Nothing in and nothing out, but for names; what is allowed stands beside each service."""
    dns = {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    return [
        manifest(
            "networking.k8s.io/v1", "NetworkPolicy", "deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        ),
        manifest(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "names",
            {"podSelector": {}, "policyTypes": ["Egress"], "egress": [dns]},
        ),
    ]


def wall(context: str) -> Manifest:
    """Who may call a service, and whom it may call. The outside is opened by an overlay, or not at all."""
    of = {"matchLabels": {"app.kubernetes.io/component": context}}
    port = HTTP if context == "gateway" else GRPC
    ingress: list[Manifest] = [{"ports": [{"port": port}]}]
    if context != "gateway":
        ingress[0]["from"] = [_part_of_headwater()]
    egress = [
        {"to": [_part_of_headwater()], "ports": [{"port": GRPC}]},
        {
            "to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": BROKER}}}],
            "ports": [{"port": 5671}],
        },
        {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "collector"}}}], "ports": [{"port": OTLP}]},
    ]
    if context != "gateway":
        egress.append(
            {"to": [{"podSelector": {"matchLabels": {"cnpg.io/cluster": DATABASE}}}], "ports": [{"port": 5432}]}
        )
    spec = {"podSelector": of, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", context, spec)


def certificate(context: str) -> Manifest:
    """cert-manager keeps it fresh; its name is what peers look for (see kernel.wire)."""
    names = [context] if context == "gateway" else [context, f"{context}-api"]
    spec = {
        "secretName": f"{context}-tls",
        "duration": "2160h",
        "renewBefore": "720h",
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "usages": ["digital signature", "server auth", "client auth"],
        "dnsNames": names,
        "issuerRef": {"name": "headwater", "kind": "Issuer"},
    }
    return manifest("cert-manager.io/v1", "Certificate", context, spec)


def claim(name: str, size: str) -> Manifest:
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": size}}}
    return manifest("v1", "PersistentVolumeClaim", name, spec)


# -- the engines -----------------------------------------------------------------------


def database() -> list[Manifest]:
    """PostgreSQL by CloudNativePG: three instances, a database and two roles for each service."""
    roles: list[Manifest] = []
    for context in CONTEXTS:
        role = f"headwater_{context}"
        roles += [
            {"name": role, "login": True, "passwordSecret": {"name": f"{context}-database"}},
            {"name": f"{role}_keys", "login": False},
            {
                "name": f"{role}_owner",
                "login": True,
                "inRoles": [f"{role}_keys"],
                "passwordSecret": {"name": f"{context}-database-owner"},
            },
        ]
    cluster = manifest(
        "postgresql.cnpg.io/v1",
        "Cluster",
        DATABASE,
        {
            "instances": 3,
            "minSyncReplicas": 1,
            "maxSyncReplicas": 1,
            "storage": {"size": "50Gi"},
            "walStorage": {"size": "10Gi"},
            "managed": {"roles": roles},
            "postgresql": {
                "parameters": {"max_connections": "400", "jit": "off", "password_encryption": "scram-sha-256"}
            },
            "affinity": {"topologyKey": "topology.kubernetes.io/zone", "podAntiAffinityType": "preferred"},
        },
    )
    databases = [
        manifest(
            "postgresql.cnpg.io/v1",
            "Database",
            f"{context}-database",
            {
                "name": f"headwater_{context}",
                "owner": f"headwater_{context}_owner",
                "cluster": {"name": DATABASE},
                "databaseReclaimPolicy": "retain",
            },
        )
        for context in CONTEXTS
    ]
    return [cluster, *databases]


def broker() -> list[Manifest]:
    """RabbitMQ by its operators: three nodes; for each service a user who may do what provisioning gives it."""
    at = {"rabbitmqClusterReference": {"name": BROKER}}
    cluster = manifest(
        "rabbitmq.com/v1beta1",
        "RabbitmqCluster",
        BROKER,
        {
            "replicas": 3,
            "persistence": {"storage": "20Gi"},
            "tls": {"secretName": "broker-tls", "caSecretName": "broker-tls", "disableNonTLSListeners": True},
            "rabbitmq": {"additionalPlugins": ["rabbitmq_stream"]},
        },
    )
    found = [cluster, manifest("rabbitmq.com/v1beta1", "Vhost", "broker-vhost", {"name": VHOST, **at})]
    for name, kind in EXCHANGES:
        spec = {"name": name, "type": kind, "durable": True, "vhost": VHOST, **at}
        found.append(manifest("rabbitmq.com/v1beta1", "Exchange", f"broker-{name.replace('.', '-')}", spec))
    for context in CONTEXTS:
        queue = backfill_queue(context)
        queue_spec = {"name": queue, "durable": True, "vhost": VHOST, **at}
        found.append(manifest("rabbitmq.com/v1beta1", "Queue", f"broker-backfill-{context}", queue_spec))
        binding = {"source": BACKFILL, "destination": queue, "destinationType": "queue", "routingKey": context}
        bound = binding | {"vhost": VHOST, **at}
        found.append(manifest("rabbitmq.com/v1beta1", "Binding", f"broker-backfill-{context}", bound))
    for user in BROKER_USERS:
        credentials = {"importCredentialsSecret": {"name": f"{user}-broker"}, **at}
        found.append(manifest("rabbitmq.com/v1beta1", "User", f"{user}-broker", credentials))
        rights: Manifest = {"vhost": VHOST, "userReference": {"name": f"{user}-broker"}, **at}
        allowed = rights | {"permissions": permissions_of(user)}
        found.append(manifest("rabbitmq.com/v1beta1", "Permission", f"{user}-broker", allowed))
        for topic in topic_permissions_of(user):
            name = f"{user}-{topic['exchange'].replace('.', '-')}"
            given = {"exchange": topic["exchange"], "read": topic["read"], "write": topic["write"]}
            found.append(manifest("rabbitmq.com/v1beta1", "TopicPermission", name, rights | {"permissions": given}))
    return found


# -- together --------------------------------------------------------------------------


def of_context(context: str) -> list[Manifest]:
    account = manifest("v1", "ServiceAccount", context, automountServiceAccountToken=False)
    if context == "gateway":
        return [
            account,
            deployment(context, "gateway"),
            service(context),
            scaler(context, "gateway"),
            budget("gateway"),
            wall(context),
            certificate(context),
        ]
    processes = ("api", "relay", "worker", "bus")
    return [
        account,
        job(context, "migrate"),
        *([job(context, "bootstrap")] if context == "identity" else []),
        *(deployment(context, process) for process in processes),
        service(context),
        scaler(context, "api"),
        scaler(context, "bus"),
        *(budget(f"{context}-{process}") for process in processes),
        wall(context),
        certificate(context),
        claim(f"{context}-keys", "1Gi"),
        claim(f"{context}-checkpoints", "1Gi"),
    ]


def files() -> dict[str, str]:
    """Every file of the base: its name and its text."""
    found = {f"{context}.yaml": of_context(context) for context in (*CONTEXTS, "gateway")}
    found |= {"database.yaml": database(), "broker.yaml": broker(), "walls.yaml": walls()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["namespace.yaml", "settings.yaml", *sorted(found)],
    }
    namespace = manifest("v1", "Namespace", NAMESPACE)
    namespace["metadata"]["labels"] |= {"pod-security.kubernetes.io/enforce": "restricted"}
    settings = manifest("v1", "ConfigMap", "headwater", data=shared_settings())
    documents = {"kustomization.yaml": [kustomization], "namespace.yaml": [namespace], "settings.yaml": [settings]}
    head = "# Written by tools/deploy_base.py; patch it in an overlay, edit it there.\n"
    return {
        name: head + yaml.safe_dump_all(docs, sort_keys=False, width=120) for name, docs in (found | documents).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    wanted = files()
    if parser.parse_args().check:
        there = {path.name: path.read_text() for path in BASE.glob("*.yaml")}
        stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        if stale:
            sys.exit(f"deploy/k8s/base is not what tools/deploy_base.py writes: {', '.join(stale)}; run it")
        return
    BASE.mkdir(parents=True, exist_ok=True)
    for path in BASE.glob("*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (BASE / name).write_text(text)
    print(f"{len(wanted)} files written to {BASE.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
