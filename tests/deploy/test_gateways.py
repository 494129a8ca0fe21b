"""Gateways whose requests are judged by the agent: what operators take, and the traps that are closed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import Render
from tests.deploy.matrix import EVERYTHING
from tests.support import custom_resources, kubernetes

EXAMPLES = Path("deploy/examples")
GATEWAYS = ["contour", "envoy-gateway", "istio"]
OPEN = {"failopen", "failure_mode_allow", "clearroutecache", "clear_route_cache", "recomputeroute"}
BODIES = {"bodytoextauth", "withrequestbody", "with_request_body", "includerequestbodyincheck"}


def read(name: str) -> list[kubernetes.Manifest]:
    return kubernetes.read((EXAMPLES / f"{name}.yaml").read_text())


def fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field in it, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)


def all_of(value: Any, name: str) -> list[Any]:
    return [inner for key, inner in fields(value) if key == name]


def mesh_settings() -> Any:
    """What istio.yaml wants of the mesh's configuration, which is no resource."""
    text = (EXAMPLES / "istio.yaml").read_text()
    return yaml.safe_load("\n".join(re.findall(r"(?m)^#(?:   (.*)|)$", text)))


@pytest.mark.parametrize("name", GATEWAYS)
def test_an_api_server_takes_it(name: str) -> None:
    if not custom_resources.schemas():
        pytest.skip("the definitions of resources are not here: Go brings them")
    for manifest in read(name):
        if (manifest["apiVersion"], manifest["kind"]) in custom_resources.schemas():
            assert custom_resources.faults(manifest) == [], manifest["kind"]
        else:
            assert kubernetes.schema_faults(manifest, "1.37") == []


def test_prometheus_operator_takes_what_the_chart_renders(render: Render) -> None:
    if not custom_resources.schemas():
        pytest.skip("the definitions of resources are not here: Go brings them")
    watched = [one for one in render(EVERYTHING) if one["kind"] in kubernetes.WITHOUT_SCHEMA]
    assert len(watched) == 2
    assert [custom_resources.faults(one) for one in watched] == [[], []]


@pytest.mark.parametrize("name", [*GATEWAYS, "envoy"])
def test_nothing_lets_a_request_pass_that_nobody_has_judged(name: str) -> None:
    documents = [*yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text())]
    if name == "istio":
        documents.append(mesh_settings())
    found = [(key, value) for key, value in fields(documents) if key.lower() in OPEN]
    assert found
    assert all(value is False for _, value in found)
    # A body is held back until the answer, and no part of any requirement.
    assert not [key for key, _ in fields(documents) if key.lower() in BODIES]
    # A disabled filter strips nothing: routes for everybody are `anonymous`.
    assert not all_of(documents, "disabled")


def test_who_waits_for_the_agent_waits_half_a_second_and_says_503() -> None:
    policies = [one for one in read("envoy-gateway") if one["kind"] == "SecurityPolicy"]
    assert len(policies) == 2
    for policy in policies:
        assert policy["spec"]["extAuth"].items() >= {"timeout": "500ms", "statusOnError": 503}.items()
    (provider,) = mesh_settings()["extensionProviders"]
    assert provider["envoyExtAuthzGrpc"].items() >= {"timeout": "0.5s", "statusOnError": "503"}.items()
    authorization = kubernetes.one(read("contour"), "HTTPProxy")["spec"]["virtualhost"]["authorization"]
    assert authorization["responseTimeout"] == "500ms"


def test_the_names_of_identity_are_removed_before_a_route_is_picked() -> None:
    headers = kubernetes.one(read("envoy-gateway"), "ClientTrafficPolicy")["spec"]["headers"]
    assert headers["withUnderscoresAction"] == "RejectRequest"
    assert headers["earlyRequestHeaders"]["removeOnMatch"] == [{"type": "Prefix", "value": "x-auth-"}]
    # Contour has no such thing: there every route is judged, and the agent removes them.
    proxy = kubernetes.one(read("contour"), "HTTPProxy")["spec"]
    assert proxy["virtualhost"]["authorization"]["authPolicy"]["context"] == {"anonymous": "true"}


def test_a_route_with_requirements_lets_nobody_in_without_a_credential() -> None:
    (orders, _) = kubernetes.one(read("contour"), "HTTPProxy")["spec"]["routes"]
    # The context of the virtual host holds there too.
    assert orders["authPolicy"]["context"] == {"scopes": "orders:read", "anonymous": "false"}


def test_istio_knows_each_route_by_the_name_that_its_requirements_have() -> None:
    manifests = read("istio")
    routes = {route["name"] for route in kubernetes.one(manifests, "VirtualService")["spec"]["http"]}
    patches = kubernetes.one(manifests, "EnvoyFilter")["spec"]["configPatches"]
    named = [all_of(patch["match"], "route") for patch in patches if patch["applyTo"] == "HTTP_ROUTE"]
    assert {name["name"] for (name,) in named} == routes


def test_pods_with_the_agent_are_restricted() -> None:
    for pod in kubernetes.pods(read("contour")).values():
        assert kubernetes.restricted_faults(pod) == []
    (deployment,) = all_of(kubernetes.one(read("envoy-gateway"), "EnvoyProxy"), "envoyDeployment")
    pod = {"spec": {**deployment["pod"], "containers": deployment["initContainers"]}}
    assert kubernetes.restricted_faults(pod) == []


def test_the_agent_knows_the_flags_that_it_is_given(agent_binary: Path) -> None:
    said = subprocess.run([agent_binary, "--help"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"(?m)^  -([a-z-]+)", said.stdout + said.stderr))
    containers = [
        *(container for name in ("contour", "envoy-gateway") for container in all_of(read(name), "args")),
        *all_of(kubernetes.read(Path("deploy/kubernetes/sidecar.yaml").read_text()), "args"),
    ]
    assert len(containers) == 3
    for args in containers:
        flags = {flag.removeprefix("--").partition("=")[0] for flag in args}
        assert flags <= known
