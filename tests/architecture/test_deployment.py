"""What is deployed is what the code needs: manifests that Kubernetes takes, settings that services take, no gaps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import promql_parser
import pytest
import yaml
from kubernetes_validate import validate

from gateway.config import Settings as GatewaySettings
from kernel.config import CONTEXTS, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.31"
BUILT_IN = {"v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1"}
ENGINES = {
    "keda.sh/v1alpha1": {"ScaledObject"},
    "cert-manager.io/v1": {"Certificate"},
    "postgresql.cnpg.io/v1": {"Cluster", "Database", "ScheduledBackup"},
    "rabbitmq.com/v1beta1": {
        "RabbitmqCluster",
        "Vhost",
        "Exchange",
        "Queue",
        "Binding",
        "User",
        "Permission",
        "TopicPermission",
    },
}
"""Objects of operators: only these kinds, held together by the tests below."""

PUBLISHED = {"keda.sh/v1alpha1", "postgresql.cnpg.io/v1"}
"""Those whose own definitions of what they take are in deploy/schemas (tools/engine_schemas.py)."""


def schema_of(kind: str) -> Any:
    return json.loads((DEPLOY / "schemas" / f"{kind.lower()}.json").read_text())


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] != "Kustomization":
                yield document


BASE = list(documents(DEPLOY / "k8s" / "base"))
EXAMPLE = list(documents(DEPLOY / "k8s" / "overlays" / "example"))
WORKLOADS = [it for it in BASE if it["kind"] in ("Deployment", "Job")]
DEPLOYMENTS = [it for it in BASE if it["kind"] == "Deployment"]


def name_of(it: dict[str, Any]) -> str:
    return f"{it['kind']}/{it['metadata']['name']}"


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {it["metadata"]["name"]: it for it in BASE if it["kind"] == kind}


def test_the_base_is_what_the_tool_writes() -> None:
    done = subprocess.run(
        [sys.executable, "tools/deploy_base.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("api", sorted({it["apiVersion"] for it in (*BASE, *EXAMPLE)}))
def test_kubernetes_takes_every_object_as_it_is(api: str) -> None:
    for it in (*BASE, *EXAMPLE):
        if it["apiVersion"] != api:
            continue
        if api in BUILT_IN:
            validate(it, KUBERNETES, strict=True)
        else:
            assert it["kind"] in ENGINES.get(api, set()), f"{name_of(it)} belongs to nobody we know"
            if api in PUBLISHED:
                jsonschema.validate(it, schema_of(it["kind"]))


def test_the_database_is_one_that_its_engine_takes_with_the_backups_that_the_example_adds() -> None:
    cluster = deepcopy(next(iter(named("Cluster").values())))
    example = yaml.safe_load((DEPLOY / "k8s/overlays/example/kustomization.yaml").read_text())
    for patch in example["patches"]:
        if patch["target"]["kind"] == "Cluster":
            for change in yaml.safe_load(patch["patch"]):
                cluster["spec"][change["path"].removeprefix("/spec/")] = change["value"]
    jsonschema.validate(cluster, schema_of("Cluster"))
    assert {"backup", "minSyncReplicas"} <= cluster["spec"].keys()


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Cluster", ("spec", "instancse"), 3),
        ("Cluster", ("spec", "instances"), 0),
        ("Cluster", ("spec", "storage", "size"), 5.5),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "queueLength"), 5),
        ("ScaledObject", ("spec", "scaleTargetRef", "name"), None),
        ("ScaledObject", ("spec", "maxReplicas"), 4),
    ],
)
def test_what_an_engine_would_refuse_is_found_here(kind: str, path: tuple[Any, ...], value: Any) -> None:
    wrong: Any = deepcopy(next(iter(named(kind).values())))
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema_of(kind))


def test_every_kustomization_names_files_that_are_there_and_all_of_them() -> None:
    for path in DEPLOY.glob("k8s/**/kustomization.yaml"):
        kustomization = yaml.safe_load(path.read_text())
        for resource in kustomization["resources"]:
            assert (path.parent / resource).exists(), f"{path}: {resource}"
        there = {it.name for it in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
        assert there == {it for it in kustomization["resources"] if it.endswith(".yaml")}
    images = {container["image"] for it in WORKLOADS for container in pod(it)["containers"]}
    example = yaml.safe_load((DEPLOY / "k8s/overlays/example/kustomization.yaml").read_text())
    assert {image["name"] for image in example["images"]} == images
    for patch in example["patches"]:
        assert patch["target"]["name"] in named(patch["target"]["kind"])


def test_backups_are_taken_of_the_database_that_there_is_and_kept_no_longer_than_people_were_told() -> None:
    [scheduled] = [it for it in EXAMPLE if it["kind"] == "ScheduledBackup"]
    name = scheduled["spec"]["cluster"]["name"]
    assert name in named("Cluster")
    example = yaml.safe_load((DEPLOY / "k8s/overlays/example/kustomization.yaml").read_text())
    [patch] = [it["patch"] for it in example["patches"] if it["target"] == {"kind": "Cluster", "name": name}]
    [change] = yaml.safe_load(patch)
    assert (change["op"], change["path"]) == ("add", "/spec/backup")
    assert change["value"]["retentionPolicy"] == "30d"
    store = change["value"]["barmanObjectStore"]
    assert {store[what]["encryption"] for what in ("data", "wal")} == {"AES256"}
    promised = promised_secrets()
    for credential in store["s3Credentials"].values():
        assert credential["key"] in promised[credential["name"]]


def test_what_is_said_of_recovery_is_configured() -> None:
    """docs/backups.md says what may be lost; these are the settings that it follows from."""
    [database] = [it["spec"] for it in named("Cluster").values()]
    assert (database["instances"], database["minSyncReplicas"]) == (3, 1)
    postgres = database.get("postgresql", {}).get("parameters", {})
    assert postgres.get("archive_timeout", "5min") == "5min", "the engine's own, unless somebody says otherwise"
    [broker] = [it["spec"] for it in named("RabbitmqCluster").values()]
    assert broker["replicas"] == 3
    assert '"x-queue-type": "quorum"' in (ROOT / "libs/kernel/src/kernel/topology.py").read_text()
    for name, budget in named("PodDisruptionBudget").items():
        assert budget["spec"].get("minAvailable") or budget["spec"].get("maxUnavailable"), name


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_a_pod_can_do_little_and_says_what_it_needs(workload: dict[str, Any]) -> None:
    spec = pod(workload)
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    claims = {it["persistentVolumeClaim"]["claimName"] for it in spec["volumes"] if "persistentVolumeClaim" in it}
    assert claims <= named("PersistentVolumeClaim").keys()
    assert spec["serviceAccountName"] in named("ServiceAccount")
    certificates = {it["spec"]["secretName"] for it in named("Certificate").values()}
    assert {it["secret"]["secretName"] for it in spec["volumes"] if "secret" in it} <= certificates
    for container in spec["containers"]:
        allowed = container["securityContext"]
        assert allowed["readOnlyRootFilesystem"]
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        if workload["kind"] == "Deployment":
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_deployment_is_chosen_scaled_guarded_and_walled_in(deployment: dict[str, Any]) -> None:
    name = deployment["metadata"]["name"]
    chosen = deployment["spec"]["selector"]["matchLabels"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert chosen.items() <= labels.items()
    assert named("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    scalers = [it["spec"] for it in named("ScaledObject").values() if it["spec"]["scaleTargetRef"]["name"] == name]
    assert len(scalers) + ("replicas" in deployment["spec"]) == 1, "replicas are set once: by the scaler or by hand"
    walls = named("NetworkPolicy")
    assert walls["deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    own = walls[labels["app.kubernetes.io/component"]]["spec"]
    assert own["podSelector"]["matchLabels"].items() <= labels.items()


def test_every_service_that_is_called_has_an_address() -> None:
    targets = named("ConfigMap")["headwater"]["data"]
    ports = {name: it["spec"]["ports"][0]["port"] for name, it in named("Service").items()}
    for context in CONTEXTS:
        host, _, port = targets[f"{context.upper()}_TARGET"].partition(":")
        assert ports[host] == int(port)
        selected = named("Service")[host]["spec"]["selector"]
        assert selected.items() <= named("Deployment")[host]["spec"]["template"]["metadata"]["labels"].items()


def promised_secrets() -> dict[str, set[str]]:
    """The keys of each secret that deploy/README.md tells operators to make; <context> stands for each."""
    text = (DEPLOY / "README.md").read_text()
    rows = re.findall(r"^\| `([<>a-z-]+)` \| (.+?) \|", text, re.MULTILINE)
    found = {}
    for secret, keys in rows:
        for context in CONTEXTS if "<context>" in secret else [""]:
            names = re.findall(r"`([A-Z<>_]+)`", keys)
            found[secret.replace("<context>", context)] = {it.replace("<CONTEXT>", context.upper()) for it in names}
    return found


SECRET_VALUES = {
    "MASTER_KEY": f"{'A' * 43}=",
    "DATABASE_URL": "postgresql://role@headwater-database-rw/headwater",
    "AMQP_URL": "amqps://user@headwater-broker/headwater",
}


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_with_the_promised_secrets_every_process_has_all_its_settings(workload: dict[str, Any], tmp_path: Path) -> None:
    (container,) = pod(workload)["containers"]
    context = workload["metadata"]["labels"]["app.kubernetes.io/component"]
    environment = dict(named("ConfigMap")["headwater"]["data"])
    promised = promised_secrets()
    for source in container["envFrom"]:
        if "secretRef" in source:
            for key in promised[source["secretRef"]["name"]]:
                ending = next((it for it in SECRET_VALUES if key.endswith(it)), "")
                environment[key] = SECRET_VALUES.get(ending, "a secret")
    environment.pop(f"{context.upper()}_SEAL_KEY", None)  # a PEM; its form is tried in kernel's own tests
    for variable in container["env"]:
        is_tls = "_TLS_" in variable["name"]
        environment[variable["name"]] = str(tmp_path) if is_tls else variable["value"]
    if context == "gateway":
        assert set(GatewaySettings.from_environment(environment).targets) == set(CONTEXTS)
        return
    settings = Settings.from_environment(context, environment)
    assert settings.tls is not None
    assert set(settings.targets) == set(CONTEXTS)
    if container["args"] == ["migrate"]:
        assert settings.owner_url()


def test_the_suite_on_one_machine_mounts_what_is_there_and_holds_no_password() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_file(), source
        for name, value in service.get("environment", {}).items():
            assert "PASS" not in name or "${HEADWATER_PASSWORD" in value, name


def test_alerts_and_dashboards_ask_for_numbers_that_are_sent() -> None:
    sent = {"http_server_request_duration_seconds_bucket", "http_server_request_duration_seconds_count"}
    sent |= {"rpc_server_call_duration_seconds_bucket", "rpc_server_call_duration_seconds_count"}
    waits = (ROOT / "libs/kernel/src/kernel/relay.py").read_text()
    sent |= set(re.findall(r"as ([a-z_]+)[,\n ]", waits.partition('WHAT_WAITS = """')[2].partition('"""')[0]))
    for path in ROOT.glob("libs/kernel/src/kernel/*.py"):
        for change, name in re.findall(r'gauges\.(add|set)\(\s*"([a-z_]+)"', path.read_text()):
            sent.add(name if change == "set" or name.endswith("_total") else f"{name}_total")
    alerts = yaml.safe_load((DEPLOY / "config/alerts.yaml").read_text())
    asked = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    board = json.loads((DEPLOY / "config/dashboard.json").read_text())
    asked += [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    asked += [
        it["metadata"]["query"]
        for s in named("ScaledObject").values()
        for it in s["spec"]["triggers"]
        if "query" in it["metadata"]
    ]
    assert len(asked) > 20
    for query in asked:
        promql_parser.parse(query)
        names = set(
            re.findall(r"\b([a-z]+(?:_[a-z]+)+)\b(?=[\[{) ]|$)", re.sub(r"(?:by|without) \([^)]*\)", "", query))
        )
        assert names - {"histogram_quantile"} <= sent, query
    for rule in (rule for group in alerts["groups"] for rule in group["rules"]):
        assert {"summary", "reason", "do"} <= rule["annotations"].keys(), rule["alert"]
