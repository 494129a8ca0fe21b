"""The agent in the pods of others: by the chart's named templates, and by its policy of admission."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import Render
from tests.support import kubernetes
from tools import helm
from tools.update_chart import BACKEND, SCHEMA, manifests, schema

INJECTED = {"sidecar": {"enabled": True}}


@pytest.fixture
def backend(tmp_path: Path) -> Any:
    """The manifests of the example of a backend, with the chart among its dependencies."""
    if helm.find() is None:
        pytest.skip("helm is not here: make chart installs one")
    chart = tmp_path / "orders"
    shutil.copytree(BACKEND, chart)
    shutil.copytree(helm.CHART, chart / "charts" / "sessiond")

    def manifests(*arguments: str, version: str = "1.37.0") -> list[kubernetes.Manifest]:
        said = ("--namespace", "shop", *arguments)
        return kubernetes.read(helm.template("orders", chart, *said, kubernetes=version))

    return manifests


def agent_of(pod: kubernetes.Pod) -> dict[str, Any]:
    first = pod["spec"]["initContainers"][0]
    assert first["name"] == "sessiond-agent"
    return first


def flags(container: dict[str, Any]) -> dict[str, str]:
    """What the agent is told, by the names of the flags."""
    return dict(flag.removeprefix("--").partition("=")[::2] for flag in container["args"])


@pytest.mark.parametrize("version", kubernetes.VERSIONS)
def test_a_backend_with_the_agent_is_taken_and_restricted(backend: Any, version: str) -> None:
    manifests = backend(version=f"{version}.0")
    assert [fault for one in manifests for fault in kubernetes.schema_faults(one, version)] == []
    assert all(kubernetes.restricted_faults(pod) == [] for pod in kubernetes.pods(manifests).values())


def test_no_secret_is_in_the_pod_and_the_token_is_the_agents_alone(backend: Any) -> None:
    pod = kubernetes.pods(backend())["Deployment orders"]
    assert "secret" not in str(pod["spec"]["volumes"]).lower()
    (application,) = pod["spec"]["containers"]
    assert application["volumeMounts"] == [
        {"name": "sessiond-socket", "mountPath": "/run/sessiond", "readOnly": True}
    ]
    sources = {one["name"]: one for one in pod["spec"]["volumes"]}
    assert sources["sessiond-token"]["projected"]["sources"] == [
        {"serviceAccountToken": {"path": "token", "audience": "sessiond", "expirationSeconds": 3600}}
    ]
    agent = agent_of(pod)
    mounts = {one["name"]: one["mountPath"] for one in agent["volumeMounts"]}
    assert flags(agent)["token-file"] == f"{mounts['sessiond-token']}/token"
    assert flags(agent)["ca-file"] == f"{mounts['sessiond-ca']}/ca.crt"


def test_the_agent_is_a_sidecar_whose_socket_the_application_is_told(backend: Any) -> None:
    pod = kubernetes.pods(backend())["Deployment orders"]
    agent = agent_of(pod)
    assert agent["restartPolicy"] == "Always"
    (application,) = pod["spec"]["containers"]
    told = {one["name"]: one["value"] for one in application["env"]}
    assert told["SESSIOND_ADDRESS"] == flags(agent)["listen"]
    # Not that of the volume itself, which every user could write to.
    assert Path(flags(agent)["listen"]).parent.name == "private"
    assert pod["spec"]["securityContext"]["fsGroup"]


def test_it_goes_to_the_servers_of_the_release_by_the_name_in_their_certificate(backend: Any) -> None:
    said = flags(agent_of(kubernetes.pods(backend())["Deployment orders"]))
    assert said["servers"] == "dns:///orders-sessiond-headless.shop.svc:50051"
    assert said["server-name"] == "orders-sessiond.shop.svc"


def test_without_a_config_map_it_goes_by_the_authorities_of_its_image(backend: Any) -> None:
    pod = kubernetes.pods(backend("--set", "sessiond.sidecar.ca.configMap="))["Deployment orders"]
    assert "ca-file" not in flags(agent_of(pod))
    assert "sessiond-ca" not in str(pod)


def test_its_probes_ask_over_http_and_what_needs_no_session_goes_on_without_servers(backend: Any) -> None:
    agent = agent_of(kubernetes.pods(backend())["Deployment orders"])
    probes = {name: probe["httpGet"]["path"] for name, probe in agent.items() if name.endswith("Probe")}
    assert probes == {"startupProbe": "/readyz", "livenessProbe": "/healthz"}
    assert agent["startupProbe"]["failureThreshold"] * agent["startupProbe"]["periodSeconds"] >= 600
    assert flags(agent)["http"] == f":{agent['livenessProbe']['httpGet']['port']}"


def test_it_takes_further_flags_but_none_that_the_pod_depends_on(render: Render) -> None:
    def with_config(text: str) -> list[kubernetes.Manifest]:
        return render({"sidecar": {"enabled": True, "config": text}})

    policy = kubernetes.one(
        with_config("# Envoy\n--ext-authz\n\n  --cache-entries=50\n"), "MutatingAdmissionPolicy"
    )
    agent = policy["spec"]["variables"][0]["expression"]
    assert re.findall(r'"(--(?:ext|cache)[^"]*)"', agent) == ["--ext-authz", "--cache-entries=50"]
    for text, fault in (
        ("listen = x", 'found "listen = x", allowed are flags'),
        ("--listen=unix:/x", 'found "--listen=unix:/x", which the chart sets itself'),
        ("--key-file /run/key", "which the chart sets itself"),
    ):
        with pytest.raises(helm.HelmError, match=re.escape(fault)):
            with_config(text)


@pytest.mark.parametrize("version", ["1.29.0", "1.35.9"])
def test_below_1_36_no_agent_can_be_injected_which_is_said_in_words(render: Render, version: str) -> None:
    with pytest.raises(
        helm.HelmError, match=rf"sidecar.enabled: found Kubernetes v?{version}.*1\.36 or later"
    ):
        render(INJECTED, kubernetes_version=version)


def test_below_1_29_there_are_no_sidecars_which_is_said_in_words(backend: Any) -> None:
    with pytest.raises(helm.HelmError, match=r"sidecar: found Kubernetes v?1\.28\.4"):
        backend(version="1.28.4")


@pytest.mark.parametrize("version", ["1.36", "1.37"])
def test_versions_that_know_the_policy_take_it(render: Render, version: str) -> None:
    manifests = render(INJECTED, kubernetes_version=f"{version}.0")
    kinds = [one["kind"] for one in manifests if "Admission" in one["kind"]]
    assert kinds == ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]
    assert [fault for one in manifests for fault in kubernetes.schema_faults(one, version)] == []


def test_pods_are_changed_where_their_namespace_and_they_themselves_ask_for_it(render: Render) -> None:
    manifests = render({"sidecar": {"enabled": True, "label": "example.com/session"}})
    policy = kubernetes.one(manifests, "MutatingAdmissionPolicy")
    binding = kubernetes.one(manifests, "MutatingAdmissionPolicyBinding")
    asked = {"matchLabels": {"example.com/session": "true"}}
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "matchResources": {"namespaceSelector": asked, "objectSelector": asked},
    }
    # A pod that asked for the agent and did not get it would be up, and answer nobody.
    assert policy["spec"]["failurePolicy"] == "Fail"


def test_the_plain_manifests_are_those_of_the_charts() -> None:
    if helm.find() is None:
        pytest.skip("helm is not here: make chart installs one")
    assert schema() == SCHEMA.read_text(), "run: make manifests"
    for path, text in manifests().items():
        assert text == path.read_text(), "run: make manifests"


@pytest.mark.parametrize(
    "path", sorted((helm.ROOT / "deploy/kubernetes").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_plain_manifests_are_restricted_and_hold_no_secret(path: Path) -> None:
    manifests = list(yaml.safe_load_all(path.read_text()))
    assert not [one for one in manifests if one["kind"] == "Secret"]
    assert all(kubernetes.restricted_faults(pod) == [] for pod in kubernetes.pods(manifests).values())
