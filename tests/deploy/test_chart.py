"""The Helm chart of the servers, rendered by a real Helm."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sessiond_server.config.reader import read_file
from tests.deploy.conftest import Render
from tests.deploy.matrix import EVERYTHING, MATRIX
from tests.support import kubernetes
from tools import helm
from tools.check_examples import with_files

SERVERS = {
    "app.kubernetes.io/name": "sessiond",
    "app.kubernetes.io/instance": "sessiond",
    "app.kubernetes.io/component": "server",
}
VALUES = yaml.safe_load((helm.CHART / "values.yaml").read_text())
STRANGE_CONFIGURATIONS = [
    "[server.tls]",
    "[server.tls]\n",
    "\n\n  [server.tls]\t \n# {{ .Values.no }} ${no} %s 'x' \"y\" \\n\r\n\n\n",
    '[server.tls]\nmax_token_bytes = 16384\ntoken_cache_bytes = 67108864\nname = "é: #"\n',
]


def server(manifests: list[kubernetes.Manifest]) -> tuple[kubernetes.Manifest, kubernetes.Manifest]:
    """The Deployment's pod, and its container."""
    pod = kubernetes.one(manifests, "Deployment")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    return pod, container


def test_the_chart_has_no_faults_that_helm_knows(render: Render) -> None:
    del render
    said = helm.run("lint", "--strict", str(helm.CHART), "--set", "existingSecret=x")
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("version", kubernetes.VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["the defaults", "everything"])
def test_every_version_of_kubernetes_takes_what_it_renders(
    render: Render, values: dict[str, Any], version: str
) -> None:
    manifests = render(values, kubernetes_version=f"{version}.0")
    assert [fault for one in manifests for fault in kubernetes.schema_faults(one, version)] == []


@pytest.mark.parametrize("name", MATRIX)
def test_pods_are_restricted_and_the_token_of_the_account_is_nowhere(render: Render, name: str) -> None:
    manifests = render(MATRIX[name])
    assert [fault for one in manifests for fault in kubernetes.schema_faults(one, "1.37")] == []
    pods = kubernetes.pods(manifests)
    assert set(pods) == {"Deployment sessiond", "Pod sessiond-test"}
    for pod in pods.values():
        assert kubernetes.restricted_faults(pod) == []
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert "serviceAccountToken" not in str(pod)


@pytest.mark.parametrize("text", [VALUES["config"], *STRANGE_CONFIGURATIONS])
def test_the_configuration_arrives_to_the_letter_and_another_one_takes_other_pods(
    render: Render, text: str
) -> None:
    manifests = render({"config": text})
    assert kubernetes.one(manifests, "ConfigMap")["data"] == {"sessiond.toml": text}
    pod, _ = server(manifests)
    written = hashlib.sha256(text.encode()).hexdigest()
    assert pod["metadata"]["annotations"]["checksum/config"] == written


@pytest.mark.parametrize("path", ["values.yaml", "examples/own-cluster.yaml"])
def test_a_server_would_start_with_the_configurations_that_are_shown(tmp_path: Path, path: str) -> None:
    text = yaml.safe_load((helm.CHART / path).read_text())["config"]
    settings = read_file(with_files(text, tmp_path), environment={}, insecure_plaintext=True)
    # The ports of the Services and the probes.
    assert (str(settings.server.listen), str(settings.server.http)) == ("0.0.0.0:50051", "0.0.0.0:8080")
    assert settings.server.tls
    assert [issuer.audience for issuer in settings.workload_issuers] == [VALUES["sidecar"]["audience"]]
    assert all(caller.workloads and not caller.key_files for caller in settings.callers)


@pytest.mark.parametrize("path", sorted((helm.CHART / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_of_values_are_taken(render: Render, path: Path) -> None:
    manifests = render(yaml.safe_load(path.read_text()))
    assert [fault for one in manifests for fault in kubernetes.schema_faults(one, "1.37")] == []
    for pod in kubernetes.pods(manifests).values():
        assert kubernetes.restricted_faults(pod) == []


def test_the_secret_has_to_be_there_already(render: Render) -> None:
    with pytest.raises(helm.HelmError, match="existingSecret: found nothing"):
        render({"existingSecret": ""})
    assert not [one for one in render(EVERYTHING) if one["kind"] == "Secret"]


def test_secrets_are_files_that_the_group_alone_reads(render: Render) -> None:
    pod, container = server(render({"tls": {"existingSecret": "sessiond-tls"}}))
    secrets = {one["name"]: one["secret"] for one in pod["spec"]["volumes"] if "secret" in one}
    assert secrets == {
        "secrets": {"secretName": "sessiond-keys", "defaultMode": 0o440},
        "tls": {"secretName": "sessiond-tls", "defaultMode": 0o440},
    }
    mounts = {one["name"]: (one["mountPath"], one["readOnly"]) for one in container["volumeMounts"]}
    assert mounts == {
        "config": ("/etc/sessiond", True),
        "secrets": ("/run/secrets/sessiond", True),
        "tls": ("/run/secrets/sessiond-tls", True),
    }
    assert pod["spec"]["securityContext"]["fsGroup"] == pod["spec"]["securityContext"]["runAsGroup"]


def test_tokens_do_not_go_in_clear_by_an_oversight(render: Render) -> None:
    in_clear = '# [server.tls]\n[server]\nlisten = "0.0.0.0:50051"\n'
    with pytest.raises(helm.HelmError, match=r"config: found no \[server.tls\]"):
        render({"config": in_clear})
    assert render({"config": in_clear, "service": {"plaintext": True}})


def test_probes_ask_over_http_and_a_server_that_waits_for_its_store_is_not_restarted(render: Render) -> None:
    _, container = server(render())
    probes = {name: probe for name, probe in container.items() if name.endswith("Probe")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 50051, "http": 8080}


def test_a_pod_has_time_to_drain() -> None:
    # drain_delay and drain_grace of the server, by default.
    assert VALUES["terminationGracePeriodSeconds"] > 5 + 10


def test_services_and_all_else_find_the_servers_alone(render: Render) -> None:
    manifests = render(EVERYTHING)
    pod, _ = server(manifests)
    assert pod["metadata"]["labels"].items() >= SERVERS.items()
    selectors = [one["spec"]["selector"] for one in manifests if one["kind"] == "Service"]
    by_labels = ("Deployment", "PodDisruptionBudget")
    selectors += [kubernetes.one(manifests, kind)["spec"]["selector"]["matchLabels"] for kind in by_labels]
    selectors.append(kubernetes.one(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
    assert selectors == [SERVERS] * 5
    monitor = kubernetes.one(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    found = [
        one["metadata"]["name"]
        for one in manifests
        if one["kind"] == "Service" and one["metadata"]["labels"].items() >= monitor.items()
    ]
    assert found == ["sessiond"]
    assert kubernetes.one(manifests, "Service", "sessiond-headless")["spec"]["clusterIP"] == "None"


def test_servers_are_spread_over_zones_and_nodes(render: Render) -> None:
    pod, _ = server(render())
    constraints = pod["spec"]["topologySpreadConstraints"]
    keys = [one["topologyKey"] for one in constraints]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert all(one["labelSelector"]["matchLabels"] == SERVERS for one in constraints)


def test_a_selector_that_is_given_for_the_spread_is_kept(render: Render) -> None:
    pod, _ = server(render(EVERYTHING))
    (constraint,) = pod["spec"]["topologySpreadConstraints"]
    assert constraint == EVERYTHING["topologySpreadConstraints"][0]


def test_where_servers_are_scaled_nobody_else_says_how_many_there_are(render: Render) -> None:
    assert kubernetes.one(render(), "Deployment")["spec"]["replicas"] == VALUES["replicaCount"]
    manifests = render({"autoscaling": {"enabled": True}})
    assert "replicas" not in kubernetes.one(manifests, "Deployment")["spec"]
    target = kubernetes.one(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "sessiond")
    with pytest.raises(helm.HelmError, match="minReplicas: found 5, which is more than maxReplicas"):
        render({"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}})


def test_the_network_lets_in_who_is_named_and_nobody_where_nobody_is(render: Render) -> None:
    policy = kubernetes.one(render(), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [rule["ports"][0]["port"] for rule in policy["ingress"]]
    assert ports == ["grpc", "http", "http"]
    # A rule without `from` is one for everybody.
    assert all(rule["from"] for rule in policy["ingress"])
    closed = kubernetes.one(render({"networkPolicy": {"callers": [], "monitoring": []}}), "NetworkPolicy")
    (test,) = closed["spec"]["ingress"]
    (peer,) = test["from"]
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"


def test_a_digest_wins_over_a_tag_and_the_test_runs_the_same_image(render: Render) -> None:
    for image, reference in (
        ({}, "sessiond:0.1.0"),
        ({"tag": "1.2"}, "sessiond:1.2"),
        ({"tag": "1.2", "digest": f"sha256:{'ab' * 32}"}, f"sessiond@sha256:{'ab' * 32}"),
    ):
        pods = kubernetes.pods(render({"image": image})).values()
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {reference}


def test_the_test_asks_the_service_as_a_hook(render: Render) -> None:
    pod = kubernetes.one(render(), "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    assert container["args"][0] == "healthcheck"
    assert container["args"][-1] == "--addr=http://sessiond.auth.svc:8080"
    assert pod["metadata"]["labels"]["app.kubernetes.io/component"] == "test"


def test_two_releases_in_a_namespace_have_nothing_in_common(render: Render) -> None:
    releases = [
        render({**EVERYTHING, "sidecar": {"enabled": True}}, release=name) for name in ("blue", "green")
    ]
    names = [{(one["kind"], one["metadata"]["name"]) for one in manifests} for manifests in releases]
    # Both run as the account that the values name.
    assert names[0] & names[1] == {("ServiceAccount", "auth")}
    selectors = [kubernetes.one(one, "Deployment")["spec"]["selector"]["matchLabels"] for one in releases]
    assert selectors[0] != selectors[1]


def test_a_long_name_of_a_release_leaves_names_that_kubernetes_takes(render: Render) -> None:
    for one in render(EVERYTHING, release="r" * 53):
        assert len(one["metadata"]["name"]) <= 63
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", one["metadata"]["name"])


def test_alerts_and_dashboard_are_those_of_the_files(render: Render) -> None:
    manifests = render(EVERYTHING)
    alerts = yaml.safe_load((helm.CHART / "files/alerts.yaml").read_text())["groups"]
    rules = kubernetes.one(manifests, "PrometheusRule")
    assert rules["spec"]["groups"] == [{"interval": "1m", **group} for group in alerts]
    dashboard = yaml.safe_load((helm.CHART / "files/dashboard.json").read_text())
    shown = kubernetes.one(manifests, "ConfigMap", "sessiond-dashboard")
    assert yaml.safe_load(shown["data"]["sessiond.json"]) == {**dashboard, "refresh": "5s"}
    for one in (rules, shown, kubernetes.one(manifests, "ServiceMonitor")):
        assert one["metadata"]["labels"]["release"] == "p"
